/** `netdisk quota`: how much the user has on the server, and may have. */

import type { ResponseOf } from "../../protocol/messages.ts";
import { defineCommand } from "../command.ts";
import type { Connection } from "../connection.ts";
import { formatBytes } from "../format.ts";
import { withSession } from "../retry.ts";

export const command = defineCommand({
  name: "quota",
  summary: "show how much is used, and how much may be",
  usage: ["quota"],
  examples: [{
    command: "netdisk quota",
    note: "prints 1.40 GiB used of 10.0 GiB, 8.60 GiB free",
  }],
  description:
    "Prints how many bytes the user has on the server, and how many there may be. " +
    "What is in the inbox counts as well, and so do unfinished uploads until they are completed or the server gives them up.",
  options: [],
  args: [],
  exitStatus:
    "0, 4 when there is no session or it has ended, 5 when the server cannot be reached.",
  async run(invocation) {
    const { output } = invocation;
    const { used, limit } = await withSession(invocation, ask);
    // An admin may have lowered the limit.
    const free = limit === null ? null : Math.max(0, limit - used);
    output.record("quota", { used, limit, free });
    output.print(
      limit === null || free === null
        ? `${formatBytes(used)} used, no limit`
        : `${formatBytes(used)} used of ${formatBytes(limit)}, ` +
          `${formatBytes(free)} free`,
    );
  },
});

async function ask(connection: Connection): Promise<ResponseOf<"quota">> {
  await connection.send({ type: "quota" });
  for (;;) {
    const answer = await connection.receive("quota", "working");
    if (answer.type === "quota") return answer;
  }
}
