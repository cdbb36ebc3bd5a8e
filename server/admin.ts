/**
 * `netdisk admin`: commands for who has the server's machine. They work on the
 * files of the storage root, whether a server is running there or not.
 */

import { type Desk, ROOT_OPTION } from "./admin/command.ts";
import { invite } from "./admin/invite.ts";
import { passwd } from "./admin/passwd.ts";
import { quota } from "./admin/quota.ts";
import { remove } from "./admin/remove.ts";
import { sessions } from "./admin/sessions.ts";
import { users } from "./admin/users.ts";

/** Fits the client's group of commands, which main.ts checks; `desk` is the client's as well. */
export function adminGroup(desk: Desk) {
  return {
    name: "admin",
    summary: "manage accounts, on the server's machine",
    description:
      "Manages the accounts of the server whose folder is DIR, also while it serves. " +
      "It is for the user who runs the server, on its machine: no server is asked, and no password.\n\n" +
      "'netdisk help admin COMMAND' says more about each.",
    options: [ROOT_OPTION],
    exitStatus:
      "0; 1 when DIR cannot be used, 2 for a wrong argument, 3 when there is no such user or DIR was never served, 5 when the accounts are busy.",
    subcommands: [
      users(desk),
      invite(desk),
      passwd(desk),
      quota(desk),
      remove(desk),
      sessions(desk),
    ],
  } as const;
}
