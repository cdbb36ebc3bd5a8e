/** `netdisk sessions`: where the account is logged in. */

import type { SessionInfo } from "../../protocol/messages.ts";
import { printColumns } from "../columns.ts";
import { defineCommand } from "../command.ts";
import { jsonTime, localTime } from "../entry_view.ts";
import type { JsonFields } from "../output.ts";
import { withSession } from "../retry.ts";

const TITLES = ["", "AGENT", "ADDRESS", "LAST USED", "CREATED", "EXPIRES"];

export const command = defineCommand({
  name: "sessions",
  summary: "show where the account is logged in",
  usage: ["sessions [--user NAME] [--server SERVER]"],
  examples: [{ command: "netdisk sessions" }],
  description:
    "Lists the sessions of the account, the one used last first; a star marks the one that is used here. " +
    "ADDRESS is where a session was used last, as the server saw it.\n\n" +
    "A session ends when it was not used for 30 days, and 90 days after it was begun. " +
    "When there is one that you do not know, netdisk passwd changes the password and ends all others; netdisk logout --all ends all.",
  options: [],
  args: [],
  exitStatus:
    "0 when the sessions are listed, 4 when not logged in, 5 when the server cannot be reached.",
  async run(invocation) {
    const { output } = invocation;
    const { sessions, user } = await withSession(
      invocation,
      async (connection, _retry, { session: { user } }) => {
        const answer = await connection.call({ type: "sessions" }, "sessions");
        return { ...answer, user };
      },
    );
    if (output.json) {
      for (const session of sessions) {
        output.record("session", { user, ...fieldsOf(session) });
      }
      return;
    }
    await printColumns([TITLES, ...sessions.map(columnsOf)], output);
  },
});

function columnsOf(session: SessionInfo): string[] {
  const { current, agent, address, used, created, expires } = session;
  return [
    current ? "*" : "",
    agent || "-",
    address || "-",
    ...[used, created, expires].map(localTime),
  ];
}

function fieldsOf(session: SessionInfo): JsonFields {
  const { current, agent, address, used, created, expires } = session;
  return {
    current,
    agent,
    address,
    created: jsonTime(created),
    lastUsed: jsonTime(used),
    expires: jsonTime(expires),
  };
}
