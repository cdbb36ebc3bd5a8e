/** `netdisk whoami`: which account on which server the commands use. */

import { defineCommand } from "../command.ts";
import { unreadNotice } from "../parcels.ts";
import { withSession } from "../retry.ts";
import { inSamePlace } from "../same_place.ts";

export const command = defineCommand({
  name: "whoami",
  summary: "show the account and the server",
  usage: ["whoami"],
  examples: [{
    command: "netdisk whoami",
    note: "prints anna@disk.example.org:6375",
  }],
  description:
    "Prints the account that commands use, and asks the server whether its session still holds, and what is new in the inbox.",
  options: [],
  args: [],
  exitStatus:
    "0 when the session holds, 4 when there is none or it has ended, 5 when the server cannot be reached.",
  async run(invocation) {
    const { output } = invocation;
    const { account, unread, notice } = await withSession(
      invocation,
      async (connection, _retry, account) => ({
        account,
        ...await unreadNotice(connection),
      }),
    );
    const { user } = account.session;
    const server = account.choice.address;
    const news = unread === null ? {} : { unread };
    output.record("account", { user, server, ...news });
    output.print(`${user}@${server}`);
    if (notice !== undefined) output.notice(inSamePlace(notice, output.place));
  },
});
