/** `netdisk logout`: ends the session, here and on the server, or all of the user's. */

import { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand } from "../command.ts";
import { withSession } from "../retry.ts";
import { forgetSession } from "../session_store.ts";

export const command = defineCommand({
  name: "logout",
  summary: "end the session, or all sessions of the account",
  usage: ["logout [--all] [--user NAME] [--server SERVER]"],
  examples: [
    { command: "netdisk logout" },
    {
      command: "netdisk logout --all",
      note: "on all machines, as after the loss of one",
    },
  ],
  description:
    "Ends the session on the server, so that its token is worth nothing, and forgets it here. " +
    "When the server cannot be reached, nothing is forgotten.\n\n" +
    "With --all every session of the account ends, on whatever machine; transfers that are under way there stop. " +
    "Who knows the password can log in again: netdisk passwd changes it and ends all other sessions.",
  options: [{
    name: "all",
    description: "end all sessions of the account, not only this one",
  }],
  args: [],
  exitStatus:
    "0 when the session has ended, 4 when there was none, 5 when the server cannot be reached.",
  async run(invocation) {
    const { all } = invocation.options;
    const { choice, session } = await withSession(
      invocation,
      async (connection, retry, account) => {
        try {
          await connection.call({ type: "logout", all }, "ok");
        } catch (error) {
          // A session that the server does not know any more has ended, too; the
          // others have if it was we who ended it, and lost the answer.
          const gone = error instanceof NetdiskError &&
            error.code === "unauthenticated";
          if (!gone || (all && retry.attempt === 0)) throw error;
        }
        return account;
      },
    );
    forgetSession(choice, session.user);
    const { user } = session;
    invocation.output.record("ended", { user, server: choice.address, all });
    const everywhere = all ? ", on all machines" : "";
    invocation.output.notice(
      `logged out ${user} from ${choice.address}${everywhere}`,
    );
  },
});
