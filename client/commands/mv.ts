/** `netdisk mv`: gives remote files and folders other names. */

import { NetdiskError } from "../../protocol/errors.ts";
import type { Entry, RequestOf } from "../../protocol/messages.ts";
import {
  joinRemotePath,
  parseRemotePath,
  remoteName,
  remoteParent,
} from "../../protocol/remote_path.ts";
import { Changes, type Step } from "../changes.ts";
import { defineCommand, type Invocation, usageError } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { showPlanned } from "../dry_run.ts";
import { answers, ask } from "../pipeline.ts";
import { checkTargets, findTargets } from "../remote_targets.ts";
import { type Retry, withSession } from "../retry.ts";
import { remoteWord } from "../shell_word.ts";
import { Tally } from "../tally.ts";

interface MoveStep extends Step {
  change: RequestOf<"move">;
  /** What is moved, as it was before. */
  entry: Entry;
}

type MvInvocation = Invocation<{ noClobber: boolean; dryRun: boolean }>;

export const command = defineCommand({
  name: "mv",
  summary: "rename or move files and folders",
  usage: ["mv [-n] SOURCE... TARGET"],
  examples: [
    { command: "netdisk mv report.pdf report-2025.pdf" },
    { command: "netdisk mv 'photos/*.raw' archive/", note: "into a folder" },
  ],
  description:
    "Gives remote files and folders another name; nothing is transferred. " +
    "A TARGET that is a folder is what they are moved into, otherwise it is the new name of a single one. " +
    "A file of that name is replaced in one step, a folder only if it is empty.\n\n" +
    "SOURCE may be a pattern with *, ?, [...], {a,b} and ** for any folders; quote it.",
  options: [
    {
      name: "no-clobber",
      description: "leave alone what has the name already, and do not move",
    },
    {
      name: "dry-run",
      short: "n",
      description: "only show what would be moved",
    },
  ],
  args: [{ name: "SOURCE", names: "remote" }, {
    name: "TARGET",
    names: "remote",
    repeat: true,
  }],
  exitStatus:
    "0 when all are moved, 3 when a source or the folder above the target does not exist, 4 when not logged in or not allowed, 5 for the network, 6 when the target is in the way, 8 when some of several sources failed.",
  async run(invocation) {
    const { args } = invocation;
    checkTargets(args.slice(0, -1));
    parseRemotePath(args.at(-1)!);
    const job = new MvJob(invocation);
    await withSession(
      invocation,
      (connection, retry) => job.run(connection, retry),
    );
    job.finish();
  },
});

/** One mv, over as many connections as it takes. */
class MvJob {
  readonly #invocation: MvInvocation;
  #tally: Tally | undefined;
  #changes: Changes<MoveStep> | undefined;

  constructor(invocation: MvInvocation) {
    this.#invocation = invocation;
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    // Found out once: what a later look finds may be what this very mv has moved.
    this.#changes ??= await this.#plan(connection);
    await this.#changes.run(connection, retry);
  }

  /** @throws NetdiskError when something is not moved */
  finish(): void {
    const { options, output } = this.#invocation;
    output.summarise({ dryRun: options.dryRun });
    this.#tally?.finish();
  }

  async #plan(connection: Connection): Promise<Changes<MoveStep>> {
    const { args, options, output } = this.#invocation;
    const target = args.at(-1)!;
    const targets = await findTargets(connection, args.slice(0, -1), {
      whole: true,
    });
    const { found, failed, isSingle } = targets;
    const tally = new Tally(output, isSingle, "moved");
    this.#tally = tally;
    for (const { label, error } of failed) tally.failed(error, { name: label });
    const requests = [parseRemotePath(target), ...found.map((f) => f.path)]
      .map((path) => ({ type: "stat", path } as const));
    const entries: (Entry | NetdiskError)[] = [];
    for await (
      const { answer, error } of answers(connection, requests, "entry")
    ) {
      entries.push(error ?? answer.entry);
    }
    const [there, ...sources] = entries;
    if (sources.length > 0 && sources.every((e) => e instanceof NetdiskError)) {
      // Where nothing would go does not matter.
      for (const [index, { label, path }] of found.entries()) {
        const error = sources[index] as NetdiskError;
        tally.failed(about(label, error), { name: path });
      }
      return this.#changesOf([]);
    }
    const into = intoFolder(target, there!, {
      isSeveral: found.length + failed.length > 1,
      isFolder: sources.length === 1 && kindOf(sources[0]!) === "folder",
    });
    const steps: MoveStep[] = [];
    const taken = new Set<string>();
    for (const [index, { label, path }] of found.entries()) {
      const entry = sources[index]!;
      const to = into === undefined
        ? parseRemotePath(target)
        : joinRemotePath(into, remoteName(path));
      const fault = faultOf(label, { path, to, into, entry, taken });
      if (fault) tally.failed(fault, { name: path });
      else {
        taken.add(to);
        const replace = !options.noClobber;
        const change = { type: "move", from: path, to, replace } as const;
        steps.push({ label, change, entry: entry as Entry });
      }
    }
    if (options.dryRun) {
      for (const { change: { from, to }, entry: { kind } } of steps) {
        tally.succeeded();
        const isFolder = kind === "folder";
        const labels = { label: from, to, isFolder };
        showPlanned(output, "move", labels, { kind, name: from, to });
      }
      steps.length = 0;
    }
    return this.#changesOf(steps);
  }

  #changesOf(steps: MoveStep[]): Changes<MoveStep> {
    return new Changes(steps, {
      ended: (step, error) => this.#ended(step, error),
      again: moveAgain,
    });
  }

  #ended(step: MoveStep, error: NetdiskError | undefined): void {
    const { output, options } = this.#invocation;
    const { label, change: { from, to } } = step;
    if (error?.code === "exists" && options.noClobber) {
      this.#tally!.succeeded();
      const reason = "it is there already";
      output.record("skipped", { name: from, to, reason });
      output.detail(`${label}: ${to} is there already, not moved`);
    } else if (error) {
      this.#tally!.failed(explain(step, error), { name: from });
    } else {
      this.#tally!.succeeded();
      output.record("moved", { name: from, to });
      output.detail(`${label}: moved to ${to}`);
    }
  }
}

/** The folder that the sources go into, undefined for a new name. @throws NetdiskError */
function intoFolder(
  target: string,
  there: Entry | NetdiskError,
  { isSeveral, isFolder }: { isSeveral: boolean; isFolder: boolean },
): string | undefined {
  if (there instanceof NetdiskError) {
    if (!["not-found", "not-folder"].includes(there.code)) {
      throw about(target, there);
    }
    // A folder may be given its new name with a slash.
    if (isSeveral || (target.endsWith("/") && !isFolder)) {
      throw new NetdiskError("not-found", `${target}: no such folder`, {
        hint: `netdisk mkdir -p ${remoteWord(target)}`,
      });
    }
    return undefined;
  }
  if (there.kind === "folder") return parseRemotePath(target);
  if (isSeveral || target.endsWith("/")) {
    throw new NetdiskError("not-folder", `${target}: it is not a folder`);
  }
  return undefined;
}

/** Why a source cannot be moved at all. */
function faultOf(
  label: string,
  { path, to, into, entry, taken }: {
    path: string;
    to: string;
    into: string | undefined;
    entry: Entry | NetdiskError;
    taken: Set<string>;
  },
): NetdiskError | undefined {
  if (entry instanceof NetdiskError) return about(label, entry);
  if (path === "") {
    return new NetdiskError("denied", `${label}: your own folder stays here`);
  }
  if (path === to || path === into) {
    return new NetdiskError("exists", `${label}: it has that name already`);
  }
  if (to.startsWith(`${path}/`)) {
    return new NetdiskError(
      "denied",
      `${label}: a folder cannot be moved into itself`,
    );
  }
  if (taken.has(to)) {
    return usageError("mv", `${label}: another source gets the name ${to}`);
  }
  return undefined;
}

/**
 * A move that may have been carried out already. To repeat it blindly could move
 * what somebody else has put in the place of the source.
 */
async function moveAgain(
  { change, entry }: MoveStep,
  connection: Connection,
): Promise<void> {
  const { from, to } = change;
  const [source, moved] = [
    await statIfThere(connection, from),
    await statIfThere(connection, to),
  ];
  const isMoved = moved !== undefined && isSame(moved, entry) &&
    (source === undefined || !isSame(source, entry));
  if (!isMoved) await ask(connection, change, "ok");
}

async function statIfThere(
  connection: Connection,
  path: string,
): Promise<Entry | undefined> {
  try {
    return (await connection.call({ type: "stat", path }, "entry")).entry;
  } catch (error) {
    const isNone = error instanceof NetdiskError &&
      ["not-found", "not-folder"].includes(error.code);
    if (!isNone) throw error;
    return undefined;
  }
}

/** As far as a look can tell; the name is another one. */
function isSame(a: Entry, b: Entry): boolean {
  return a.kind === b.kind && a.size === b.size && a.mtime === b.mtime &&
    a.executable === b.executable;
}

function kindOf(entry: Entry | NetdiskError): Entry["kind"] | undefined {
  return entry instanceof NetdiskError ? undefined : entry.kind;
}

function explain(
  { label, change: { to }, entry }: MoveStep,
  error: NetdiskError,
): NetdiskError {
  const because = (text: string, hint?: string) =>
    new NetdiskError(error.code, `${label}: ${text}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  switch (error.code) {
    case "not-found": {
      const parent = remoteParent(to);
      return because(
        `it, or the folder above ${to}, does not exist`,
        parent === "" ? undefined : `netdisk mkdir -p ${remoteWord(parent)}`,
      );
    }
    case "exists":
      return because(
        entry.kind === "folder"
          ? `${to} is a folder that is not empty`
          : `${to} is there already`,
      );
    case "is-folder":
      return because(`${to} is a folder, and a file cannot take its place`);
    case "not-folder":
      return because(`${to}, or something above it, is a file`);
    default:
      return about(label, error);
  }
}
