/**
 * The variables that the program reads, and in words for the help, the man page
 * and the documentation. A test finds those that are read and not listed.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** Reads a variable. @throws NetdiskError `usage` when its bytes are no text */
export function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (cause) {
    const hint = name === "HOME"
      ? "set NETDISK_CONFIG_DIR to a folder of yours"
      : `unset ${name}`;
    throw new NetdiskError(
      "usage",
      `${name}: the variable is not text in UTF-8`,
      { hint, cause },
    );
  }
}

/** The same for what only says how things are shown: what is no text is set to something. */
export function leniently(
  system: { env(name: string): string | undefined },
): (name: string) => string | undefined {
  return (name) => {
    try {
      return system.env(name);
    } catch {
      return "\ufffd";
    }
  };
}

/** Every variable, in the order of the documentation. */
export const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["NETDISK_SERVER", "the server, in place of --server"],
  ["NETDISK_USER", "the account, in place of --user"],
  [
    "NETDISK_PASSWORD_FILE",
    "a file whose first line is the password, in place of --password-file",
  ],
  [
    "NETDISK_CONFIG_DIR",
    "the folder of saved servers and sessions (default ~/.config/netdisk)",
  ],
  [
    "XDG_CONFIG_HOME",
    "the folder in which that one lies otherwise, in place of ~/.config",
  ],
  ["APPDATA", "the same on Windows"],
  ["HOME", "the home folder"],
  ["NO_COLOR", "if it is not empty, there are no colours"],
  [
    "TERM",
    "with dumb there are no colours, and no line is drawn over another",
  ],
  ["COLUMNS", "the width of a line of progress that goes to no terminal"],
  ["NETDISK_DEBUG", "with 1 an error shows where in the program it happened"],
];
