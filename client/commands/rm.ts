/** `netdisk rm`: removes remote files and folders. */

import { NetdiskError } from "../../protocol/errors.ts";
import type { RequestOf } from "../../protocol/messages.ts";
import { parseRemotePath } from "../../protocol/remote_path.ts";
import { Changes, type Step, unlessDone } from "../changes.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { showPlanned } from "../dry_run.ts";
import { hasGlob } from "../remote_glob.ts";
import { checkTargets, findTargets, type Targets } from "../remote_targets.ts";
import { answers } from "../pipeline.ts";
import { type Retry, withSession } from "../retry.ts";
import { remoteWord } from "../shell_word.ts";
import { Tally } from "../tally.ts";

interface RemoveStep extends Step {
  change: RequestOf<"remove">;
}

type RmInvocation = Invocation<{ recursive: boolean; dryRun: boolean }>;

export const command = defineCommand({
  name: "rm",
  summary: "remove files and folders",
  usage: ["rm [-r] [-n] PATH..."],
  examples: [
    { command: "netdisk rm report.pdf" },
    { command: "netdisk rm -r photos/2025", note: "a folder, with all in it" },
    {
      command: "netdisk rm -n 'photos/**/*.tmp'",
      note: "only shows what would be removed",
    },
  ],
  description:
    "Removes remote files, and with -r folders with all that is in them. There is no way back.\n\n" +
    "PATH may be a pattern with *, ?, [...], {a,b} and ** for any folders; quote it, or the shell takes it for local files. " +
    "Something that has the very name comes first.",
  options: [
    {
      name: "recursive",
      short: "r",
      description: "folders, too, with all that is in them",
    },
    {
      name: "dry-run",
      short: "n",
      description: "only show what would be removed",
    },
  ],
  args: [{ name: "PATH", names: "remote", repeat: true }],
  exitStatus:
    "0 when all are gone, 3 when there is no such file or folder, 4 when not logged in or not allowed, 5 for the network, 6 for a folder without -r, 8 when some of several paths failed.",
  async run(invocation) {
    const { args } = invocation;
    checkTargets(args);
    for (const arg of args) if (!hasGlob(arg)) refuseRoot(arg);
    const job = new RmJob(invocation);
    await withSession(
      invocation,
      (connection, retry) => job.run(connection, retry),
    );
    job.finish();
  },
});

/** One rm, over as many connections as it takes. */
class RmJob {
  readonly #invocation: RmInvocation;
  #tally: Tally | undefined;
  #targets: Targets | undefined;
  #changes: Changes<RemoveStep> | undefined;
  /** Shown by a dry run. */
  #shown = 0;

  constructor(invocation: RmInvocation) {
    this.#invocation = invocation;
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    const { args, options, output } = this.#invocation;
    if (!this.#targets) {
      const whole = options.recursive;
      this.#targets = await findTargets(connection, args, { whole });
      this.#tally = new Tally(output, this.#targets.isSingle, "removed");
      for (const { label, error } of this.#targets.failed) {
        this.#tally.failed(error, { name: label });
      }
    }
    const { found } = this.#targets;
    if (options.dryRun) return await this.#show(connection);
    this.#changes ??= new Changes(
      found.map(({ label, path }): RemoveStep => ({
        label,
        change: { type: "remove", path, recursive: options.recursive },
      })),
      {
        ended: (step, error) => this.#ended(step, error),
        again: (step, connection) => unlessDone(step, connection, "not-found"),
      },
    );
    await this.#changes.run(connection, retry);
  }

  /** @throws NetdiskError when something is not removed */
  finish(): void {
    const { options, output } = this.#invocation;
    output.summarise({ dryRun: options.dryRun });
    this.#tally?.finish();
  }

  async #show(connection: Connection): Promise<void> {
    const { options, output } = this.#invocation;
    const found = this.#targets!.found.slice(this.#shown);
    const requests = found.map(({ path }) => ({ type: "stat", path } as const));
    for await (
      const { answer, error } of answers(connection, requests, "entry")
    ) {
      const { label, path } = this.#targets!.found[this.#shown++]!;
      const kind = answer?.entry.kind;
      const isFolder = kind === "folder";
      const failure = error
        ? about(label, error)
        : isFolder && !options.recursive
        ? isFolderError(label)
        : undefined;
      if (failure) {
        this.#tally!.failed(failure, { name: path });
        continue;
      }
      this.#tally!.succeeded();
      const fields = { kind, name: path };
      showPlanned(output, "delete", { label: path, isFolder }, fields);
    }
  }

  #ended({ label, change: { path } }: RemoveStep, error?: NetdiskError): void {
    const { output } = this.#invocation;
    if (error) {
      const isFolder = error.code === "is-folder";
      const failure = isFolder ? isFolderError(label) : about(label, error);
      this.#tally!.failed(failure, { name: path });
      return;
    }
    this.#tally!.succeeded();
    output.record("removed", { name: path });
    output.detail(`${label}: removed`);
  }
}

function refuseRoot(arg: string): void {
  if (parseRemotePath(arg) !== "") return;
  throw new NetdiskError(
    "denied",
    `${arg}: your own folder cannot be removed`,
    { hint: "to empty it: netdisk rm -r '/{*,.*}'" },
  );
}

function isFolderError(label: string): NetdiskError {
  return new NetdiskError("is-folder", `${label}: it is a folder`, {
    hint: `netdisk rm -r ${remoteWord(label)}`,
  });
}
