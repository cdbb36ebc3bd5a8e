/** `netdisk mkdir`: makes remote folders. */

import { NetdiskError } from "../../protocol/errors.ts";
import type { RequestOf } from "../../protocol/messages.ts";
import { parseRemotePath } from "../../protocol/remote_path.ts";
import { Changes, type Step } from "../changes.ts";
import { defineCommand } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { ask } from "../pipeline.ts";
import { withSession } from "../retry.ts";
import { remoteWord } from "../shell_word.ts";
import { Tally } from "../tally.ts";

interface MkdirStep extends Step {
  change: RequestOf<"mkdir">;
}

export const command = defineCommand({
  name: "mkdir",
  summary: "make folders",
  usage: ["mkdir [-p] PATH..."],
  examples: [
    { command: "netdisk mkdir photos" },
    { command: "netdisk mkdir -p photos/2026/may", note: "all of them" },
  ],
  description:
    "Makes remote folders. put and sync make those that they need by themselves.",
  options: [
    {
      name: "parents",
      short: "p",
      description: "make missing folders above it; one that is there is fine",
    },
  ],
  args: [{ name: "PATH", names: "remote", repeat: true }],
  exitStatus:
    "0 when all folders are there, 3 when the folder above is missing, 4 when not logged in, 5 for the network, 6 when there is something of that name, 8 when some of several paths failed.",
  async run(invocation) {
    const { args, options: { parents }, output } = invocation;
    const steps = args.map((label): MkdirStep => {
      const path = parseRemotePath(label);
      if (path === "" && !parents) {
        throw new NetdiskError("exists", `${label}: your own folder is there`);
      }
      return {
        label,
        change: { type: "mkdir", path, parents, mtime: null },
      };
    }).filter(({ change }) => change.path !== "");
    const tally = new Tally(output, args.length === 1, "made");
    const changes = new Changes(steps, {
      ended({ label, change: { path } }, error) {
        if (error) return tally.failed(explain(label, error), { name: path });
        tally.succeeded();
        output.record("made", { name: path });
        output.detail(`${label}: made`);
      },
      again: makeAgain,
    });
    await withSession(
      invocation,
      (connection, retry) => changes.run(connection, retry),
    );
    tally.finish();
  },
});

/** A folder that has the name now was most likely made by us. */
async function makeAgain(
  { change }: MkdirStep,
  connection: Connection,
): Promise<void> {
  try {
    await ask(connection, change, "ok");
  } catch (error) {
    const exists = error instanceof NetdiskError && error.code === "exists";
    if (!exists) throw error;
    const { path } = change;
    const { entry } = await connection.call({ type: "stat", path }, "entry");
    if (entry.kind !== "folder") throw error;
  }
}

function explain(label: string, error: NetdiskError): NetdiskError {
  switch (error.code) {
    case "not-found":
      return new NetdiskError(
        "not-found",
        `${label}: the folder above it does not exist`,
        { hint: `netdisk mkdir -p ${remoteWord(label)}`, cause: error },
      );
    case "exists":
      return new NetdiskError("exists", `${label}: it exists already`, {
        cause: error,
      });
    case "not-folder":
      return new NetdiskError(
        "not-folder",
        `${label}: it, or something above it, is a file`,
        { cause: error },
      );
    default:
      return about(label, error);
  }
}
