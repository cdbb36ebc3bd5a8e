/**
 * How clients reach the server and know it again, in a file for `netdisk admin
 * invite`: the link that it printed when it was last started, without an invite.
 *
 *     <root>/.netdisk/link
 */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import {
  formatServerLink,
  parseServerLink,
  type ServerLink,
} from "../protocol/link.ts";
import { logEvent } from "./log.ts";
import { dataFolder } from "./storage_path.ts";

/** Replaces what a former start wrote. Never throws: a full disk stops no server. */
export function writeServerLink(root: string, link: ServerLink): void {
  const path = join(dataFolder(root), "link");
  const temporary = `${path}.new`;
  const text = `${formatServerLink(link)}\n`;
  try {
    Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    logEvent("link-not-written", { reason: String(error) });
  }
}

/** @throws NetdiskError `local-io` when no server has ever been ready */
export function readServerLink(root: string): ServerLink {
  const path = join(dataFolder(root), "link");
  try {
    return parseServerLink(Deno.readTextFileSync(path).trim());
  } catch (cause) {
    throw new NetdiskError(
      "local-io",
      `'${path}' does not tell how the server is reached`,
      { hint: "start the server once, it writes that down", cause },
    );
  }
}
