/** `netdisk logout`: ends the session, here and on the server. */

import { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand } from "../command.ts";
import { withSession } from "../retry.ts";
import { forgetSession } from "../session_store.ts";

export const command = defineCommand({
  name: "logout",
  summary: "end the session",
  usage: ["logout [--user NAME] [--server SERVER]"],
  examples: [{ command: "netdisk logout" }],
  description:
    "Ends the session on the server, so that its token is worth nothing, and forgets it here. " +
    "When the server cannot be reached, nothing is forgotten.",
  options: [],
  args: [],
  exitStatus:
    "0 when the session has ended, 4 when there was none, 5 when the server cannot be reached.",
  async run(invocation) {
    const { choice, session } = await withSession(
      invocation,
      async (connection, _retry, account) => {
        try {
          await connection.call({ type: "logout", all: false }, "ok");
        } catch (error) {
          // A session that the server does not know any more has ended, too.
          const gone = error instanceof NetdiskError &&
            error.code === "unauthenticated";
          if (!gone) throw error;
        }
        return account;
      },
    );
    forgetSession(choice, session.user);
    const { user } = session;
    invocation.output.record("session", {
      user,
      server: choice.address,
      ended: true,
    });
    invocation.output.notice(`logged out ${user} from ${choice.address}`);
  },
});
