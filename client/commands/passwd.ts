/** `netdisk passwd`: changes the password and ends all other sessions. */

import { passwordFault } from "../../protocol/credentials.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand } from "../command.ts";
import { PASSWORD_CHANGE_OPTIONS, readPasswordChange } from "../password.ts";
import { withSession } from "../retry.ts";

export const command = defineCommand({
  name: "passwd",
  summary: "change the password and end all other sessions",
  usage: ["passwd [--user NAME] [--server SERVER]"],
  examples: [
    { command: "netdisk passwd" },
    {
      command: "netdisk passwd --password-stdin < passwords",
      note: "the old one in the first line, the new one in the second",
    },
  ],
  description:
    "Changes the password of the account. All its sessions end but the one that is used here, " +
    "and transfers that are under way in them stop. A password has 8 to 1024 bytes.\n\n" +
    "The old password is asked for, and the new one twice; without a terminal they come from --password-stdin, " +
    "or from --password-file and --new-password-file.",
  options: PASSWORD_CHANGE_OPTIONS,
  args: [],
  exitStatus:
    "0 when the password is changed, 4 when the old one is wrong, the new one is refused or nobody is logged in, 5 when the server cannot be reached.",
  async run(invocation) {
    const { options, output } = invocation;
    let passwords: { old: string; next: string } | undefined;
    const { session, choice } = await withSession(
      invocation,
      async (connection, retry, account) => {
        // First the server: nobody types passwords for one that is not there.
        await connection.ready();
        passwords ??= await readPasswordChange({
          stdin: options.passwordStdin,
          file: options.passwordFile,
          newFile: options.newPasswordFile,
          user: account.session.user,
        }, invocation);
        const { old, next } = passwords;
        const fault = passwordFault(next);
        if (fault) throw new NetdiskError("denied", fault);
        if (passwordFault(old)) {
          throw new NetdiskError("denied", "wrong password");
        }
        // A second time the old one might be wrong because the first time was right.
        retry.repeatable = false;
        retry.hint =
          "it is not known whether the password was changed; netdisk login tells which one holds";
        try {
          await connection.call({ type: "passwd", old, new: next }, "ok");
        } catch (error) {
          if (error instanceof NetdiskError && error.code === "busy") {
            retry.repeatable = true;
            retry.hint = undefined;
          }
          throw error;
        }
        return account;
      },
    );
    const { user } = session;
    output.record("password", { user, server: choice.address });
    output.notice(
      `changed the password of ${user} on ${choice.address}; all other sessions have ended`,
    );
  },
});
