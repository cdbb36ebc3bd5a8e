/** `netdisk inbox block`, `unblock`, `blocked`: from whom nothing is taken. */

import { defineCommand, type Invocation } from "../../command.ts";
import type { Connection } from "../../connection.ts";
import { displayText } from "../../display_text.ts";
import { formatCount } from "../../format.ts";
import { listBlocked, listInbox, requireParcels } from "../../parcels.ts";
import { ask } from "../../pipeline.ts";
import { withSession } from "../../retry.ts";
import { inSamePlace } from "../../same_place.ts";
import { checkUserName } from "../../server_choice.ts";

export const block = defineCommand({
  name: "inbox block",
  summary: "take nothing from a user any more",
  usage: ["inbox block USER"],
  examples: [{ command: "netdisk inbox block ben" }],
  description:
    "The server refuses what USER sends to you from now on, and tells so. What is on its way is given up, what is in the inbox stays: 'netdisk inbox delete --from USER' deletes it.",
  options: [],
  args: [{ name: "USER", names: "sender" }],
  exitStatus:
    "0, also when USER was blocked already, 3 when there is no such user, 4 when not logged in, 5 for the network.",
  async run(invocation) {
    const { args: [user = ""], output } = invocation;
    const stays = await setBlocked(invocation, true, async (connection) => {
      const parcels = await listInbox(connection);
      return parcels.filter(({ from }) => from === user).length;
    });
    if (stays === 0) return;
    const count = `${formatCount(stays)} ${stays === 1 ? "parcel" : "parcels"}`;
    const notice =
      `${count} from ${user} in your inbox: netdisk inbox delete --from ${user}`;
    output.notice(inSamePlace(notice, output.place));
  },
});

export const unblock = defineCommand({
  name: "inbox unblock",
  summary: "take parcels from a user again",
  usage: ["inbox unblock USER"],
  examples: [{ command: "netdisk inbox unblock ben" }],
  description: "USER may send to you again.",
  options: [],
  args: [{ name: "USER", names: "blocked" }],
  exitStatus:
    "0, also when USER was not blocked, 4 when not logged in, 5 for the network.",
  run: (invocation) => setBlocked(invocation, false, () => {}),
});

export const blocked = defineCommand({
  name: "inbox blocked",
  summary: "list the users who are blocked",
  usage: ["inbox blocked"],
  examples: [{ command: "netdisk inbox blocked" }],
  description: "Prints the names of those from whom nothing is taken.",
  options: [],
  args: [],
  exitStatus: "0, 4 when not logged in, 5 for the network.",
  async run(invocation) {
    const { output } = invocation;
    const users = await withSession(invocation, listBlocked);
    for (const user of users) {
      output.record("blocked", { user });
      output.print(displayText(user));
    }
  },
});

/** @param after what else there is to ask */
async function setBlocked<T>(
  invocation: Invocation,
  blocked: boolean,
  after: (connection: Connection) => T | Promise<T>,
): Promise<T> {
  const { args: [user = ""], output } = invocation;
  checkUserName(user);
  const answer = await withSession(invocation, async (connection) => {
    await requireParcels(connection);
    await ask(connection, { type: "block", user, blocked }, "ok");
    return await after(connection);
  });
  output.record(blocked ? "blocked" : "unblocked", { user });
  output.notice(`${user}: ${blocked ? "blocked" : "not blocked any more"}`);
  return answer;
}
