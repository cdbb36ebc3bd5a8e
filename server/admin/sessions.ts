/** `netdisk admin sessions`: who is logged in, and ending that. */

import {
  type AdminInvocation,
  type Desk,
  jsonTime,
  ROOT_OPTION,
  usageError,
} from "./command.ts";
import { openRoot } from "./open_root.ts";
import { tableLines } from "./table.ts";

/** The agent comes last: it is a stranger's text. */
const TITLES = ["USER", "LAST USED", "CREATED", "EXPIRES", "ADDRESS", "AGENT"];

export function sessions(desk: Desk) {
  return {
    name: "admin sessions",
    summary: "list who is logged in, or end that",
    usage: ["admin sessions [USER] [--end]"],
    examples: [
      { command: "netdisk admin sessions" },
      {
        command: "netdisk admin sessions anna --end",
        note: "anna has to log in again, everywhere",
      },
    ],
    description:
      "Lists the sessions of all users or of USER. With --end it ends those of USER: " +
      "a running server drops their connections.",
    options: [
      ROOT_OPTION,
      { name: "end", description: "end the sessions of USER" },
    ],
    args: [{ name: "USER", optional: true }],
    exitStatus: "0; 3 when there is no such user.",
    standalone: true,
    run(
      { options, args: [user], output }: AdminInvocation<{ end: boolean }>,
    ): void {
      if (options.end && user === undefined) {
        throw usageError("sessions", "--end needs a USER");
      }
      using opened = openRoot(options.root);
      if (options.end) {
        const ended = opened.accounts.endSessions(user!);
        output.record("ended", { user, sessions: ended });
        return output.notice(`${user}: ${countSessions(ended)} ended`);
      }
      const found = opened.accounts.sessions(user);
      for (const { created, lastUsed, expires, ...rest } of found) {
        output.record("session", {
          ...rest,
          created: jsonTime(created),
          lastUsed: jsonTime(lastUsed),
          expires: jsonTime(expires),
        });
      }
      if (found.length === 0) return output.notice("nobody is logged in");
      const rows = found.map((session) => [
        session.user,
        desk.localTime(session.lastUsed),
        desk.localTime(session.created),
        desk.localTime(session.expires),
        desk.displayText(session.address || "-"),
        desk.displayText(session.agent),
      ]);
      for (const line of tableLines(TITLES, rows)) output.print(line);
    },
  } as const;
}

/** `1 session`, `2 sessions` */
export function countSessions(count: number): string {
  return count === 1 ? "1 session" : `${count} sessions`;
}
