/**
 * What this side lends to `netdisk admin`, a command of the server's side, which
 * imports nothing from here: main.ts hands it over.
 */

import { displayText } from "./display_text.ts";
import { localTime } from "./entry_view.ts";
import { formatBytes } from "./format.ts";
import { readPassword } from "./password.ts";
import { confirm } from "./prompt.ts";

export const desk = {
  confirm,
  displayText,
  formatBytes,
  localTime,
  readPassword,
} as const;
