/** `netdisk admin passwd`: a new password for who has forgotten theirs. */

import { passwordFault } from "../../protocol/credentials.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { PasswordHasher, type StoredPassword } from "../passwords.ts";
import { startWorker } from "../workers.ts";
import { type AdminInvocation, type Desk, ROOT_OPTION } from "./command.ts";
import { openRoot } from "./open_root.ts";
import { countSessions } from "./sessions.ts";

interface Options {
  passwordStdin: boolean;
  passwordFile: string | undefined;
}

export function passwd(desk: Desk) {
  return {
    name: "admin passwd",
    summary: "set a user's password and end all sessions",
    usage: ["admin passwd USER [--password-stdin | --password-file FILE]"],
    examples: [
      { command: "netdisk admin passwd anna" },
      {
        command: "netdisk admin passwd anna --password-file new-password",
        note: "without a terminal",
      },
    ],
    description:
      "Asks twice for a new password of USER, and ends all sessions of USER as it is set. A password has 8 to 1024 bytes.",
    options: [
      ROOT_OPTION,
      {
        name: "password-stdin",
        description: "read the password from the first line of standard input",
      },
      {
        // Not from NETDISK_PASSWORD_FILE: that is for the admin's own account.
        name: "password-file",
        value: "FILE",
        names: "local",
        description: "read the password from the first line of a file",
      },
    ],
    args: [{ name: "USER" }],
    exitStatus:
      "0; 2 without a password, 3 when there is no such user, 4 when the password is too short or too long.",
    standalone: true,
    async run(invocation: AdminInvocation<Options>): Promise<void> {
      const { options, args, output } = invocation;
      const user = args[0]!;
      using opened = openRoot(options.root);
      opened.accounts.requireUser(user);
      const password = await desk.readPassword({
        stdin: options.passwordStdin,
        file: options.passwordFile,
        prompt: `New password for ${user}`,
        confirm: true,
      }, { ...invocation, env: () => undefined });
      const fault = passwordFault(password);
      if (fault) throw new NetdiskError("denied", fault);
      const stored = await hash(password);
      const ended = opened.accounts.setPassword(user, stored);
      output.record("password", { user, sessionsEnded: ended });
      output.notice(`${user}: new password, ${countSessions(ended)} ended`);
    },
  } as const;
}

/** By the Worker that the server has as well, so that there is one way to hash. */
async function hash(password: string): Promise<StoredPassword> {
  const failed = Promise.withResolvers<never>();
  const worker = startWorker(
    "password_worker",
    "none",
    failed.reject,
  );
  try {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port1, [port1]);
    using hasher = new PasswordHasher(port2);
    return await Promise.race([hasher.hash(password), failed.promise]);
  } finally {
    worker.terminate();
  }
}
