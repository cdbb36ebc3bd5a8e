/** `netdisk login`: starts a session, so that later commands need no password. */

import { NetdiskError } from "../../protocol/errors.ts";
import { passwordFault } from "../../protocol/credentials.ts";
import { defineCommand } from "../command.ts";
import { Guest } from "../guest.ts";
import { chooseNewServer } from "../offer.ts";
import { PASSWORD_OPTIONS, readPassword } from "../password.ts";
import { checkUserName } from "../server_choice.ts";
import { saveSession } from "../session_store.ts";

export const command = defineCommand({
  name: "login",
  summary: "log in to an account",
  usage: ["login USER [--server SERVER]"],
  examples: [
    { command: "netdisk login anna" },
    { command: "netdisk login anna --server disk.example.org" },
  ],
  description:
    "Starts a session that later commands use; the server and the account of the last login are theirs as well. " +
    "The password itself is kept nowhere.\n\n" +
    "Without --server it is the server that was used last, else the one on this machine; on a terminal, where there is neither, those on the local network are offered (see netdisk discover).\n\n" +
    "A link with another fingerprint than the remembered one says that the server has a new identity.",
  options: PASSWORD_OPTIONS,
  args: [{ name: "USER", names: "user" }],
  exitStatus:
    "0 when logged in, 2 when no server was chosen, 4 for a wrong user name or password, 5 when the server cannot be reached, 10 when it is not the one that is expected.",
  async run(invocation) {
    const { options, args, output } = invocation;
    const user = args[0]!;
    checkUserName(user);
    const { choice, mayRepin } = await chooseNewServer(
      invocation,
      "login",
    );
    using guest = new Guest(invocation, choice, mayRepin);
    // First the server: nobody types a password for one that is not there.
    await guest.connection();
    const password = await readPassword({
      stdin: options.passwordStdin,
      file: options.passwordFile,
      prompt: `Password for ${user}`,
      confirm: false,
    }, invocation);
    if (passwordFault(password)) {
      throw new NetdiskError("denied", "wrong user name or password");
    }
    const connection = await guest.connection();
    const session = await connection.call(
      { type: "login", user, password },
      "session",
    );
    saveSession(choice, user, session);
    output.record("session", { user, server: choice.address });
    output.notice(`logged in to ${choice.address} as ${user}`);
  },
});
