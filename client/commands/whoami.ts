/** `netdisk whoami`: which account on which server the commands use. */

import { defineCommand } from "../command.ts";
import { connectLoggedIn } from "../connect.ts";

export const command = defineCommand({
  name: "whoami",
  summary: "show the account and the server",
  usage: ["whoami"],
  examples: [{
    command: "netdisk whoami",
    note: "prints anna@disk.example.org:6375",
  }],
  description:
    "Prints the account that commands use, and asks the server whether its session still holds.",
  options: [],
  args: [],
  exitStatus:
    "0 when the session holds, 4 when there is none or it has ended, 5 when the server cannot be reached.",
  async run(invocation) {
    const { connection, choice, session } = await connectLoggedIn(invocation);
    using _closing = connection;
    await connection.ready();
    const { user } = session;
    const { output } = invocation;
    output.record("account", { user, server: choice.address });
    output.print(`${user}@${choice.address}`);
  },
});
