/** `netdisk admin remove`: ends an account, and if wanted all that it has stored. */

import {
  type AdminInvocation,
  type Desk,
  ROOT_OPTION,
  usageError,
} from "./command.ts";
import { noUser } from "./account_admin.ts";
import { openRoot } from "./open_root.ts";
import { UserFiles } from "./user_files.ts";

interface Options {
  files: boolean;
  yes: boolean;
}

export function remove(desk: Desk) {
  return {
    name: "admin remove",
    summary: "remove an account",
    usage: ["admin remove USER [--files] [--yes]"],
    examples: [
      { command: "netdisk admin remove anna" },
      {
        command: "netdisk admin remove anna --files",
        note: "with all files; later on as well",
      },
    ],
    description:
      "Removes the account of USER with its inbox, and ends its sessions. The files stay where they are, and nobody can register by that name until they are gone: " +
      "--files removes them as well, and those that an account left that was removed before. There is no way back.\n\n" +
      "It asks before; without a terminal --yes is needed.",
    options: [
      ROOT_OPTION,
      { name: "files", description: "remove all that USER has stored" },
      { name: "yes", short: "y", description: "do not ask" },
    ],
    args: [{ name: "USER" }],
    exitStatus:
      "0, also when the answer was no; 1 when files cannot be removed, 2 without a terminal and --yes, 3 when there is no such user.",
    standalone: true,
    async run(invocation: AdminInvocation<Options>): Promise<void> {
      const { options, args, output, stdin } = invocation;
      const user = args[0]!;
      using opened = openRoot(options.root);
      const { root, accounts } = opened;
      const hasAccount = accounts.hasUser(user);
      const files = hasAccount || options.files
        ? filesOf(root, user)
        : undefined;
      const hasFiles = files?.exist() ?? false;
      if (!hasAccount && !(options.files && hasFiles)) throw noUser(user);
      if (options.files) files!.checkMounts();
      if (!options.yes && !stdin.isTerminal()) {
        throw usageError(
          "remove",
          "there is no terminal to ask, --yes is needed",
        );
      }
      const what = hasAccount ? `the account '${user}'` : `what '${user}' left`;
      const extent = options.files ? "with all files" : "without its files";
      const isWanted = options.yes ||
        await desk.confirm(`Remove ${what}, ${extent}?`, invocation);
      if (!isWanted) return output.notice("nothing is removed");

      // The account first: nobody may come in while the files go.
      if (hasAccount) accounts.removeUser(user);
      if (options.files) await files!.remove();
      else await files?.removeParcels();
      output.record("removed", { user, withFiles: options.files });
      output.notice(
        options.files || !hasFiles
          ? `${user}: removed`
          : `${user}: removed; the files stay in '${files!.folder}'`,
      );
    },
  } as const;
}

/** Undefined for what cannot be a user's name. */
function filesOf(root: string, user: string): UserFiles | undefined {
  try {
    return new UserFiles(root, user);
  } catch {
    return undefined;
  }
}
