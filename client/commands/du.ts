/** `netdisk du`: how much is in remote folders. */

import type { Entry } from "../../protocol/messages.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { about, type Connection, isAboutPath } from "../connection.ts";
import { displayText } from "../display_text.ts";
import { BYTES_COLUMNS, formatBytes } from "../format.ts";
import {
  checkTargets,
  findTargets,
  type RemoteTarget,
  type Targets,
} from "../remote_targets.ts";
import { RemoteTree } from "../remote_tree.ts";
import { type Retry, withSession } from "../retry.ts";
import { Tally } from "../tally.ts";

/** Columns of the longest size below an exabyte. */
const SIZE_COLUMNS = 15;

type DuInvocation = Invocation<{ summarize: boolean; human: boolean }>;

export const command = defineCommand({
  name: "du",
  summary: "show how much is in folders",
  usage: ["du [-s] [-h] [PATH...]"],
  examples: [
    { command: "netdisk du -sh" },
    { command: "netdisk du -h photos", note: "each folder below, too" },
  ],
  description:
    "Adds up the sizes of the files in remote folders and all that is below them, your own folder by default. " +
    "Each folder has a line, in bytes, those below before it. PATH may be a pattern.",
  options: [
    {
      name: "summarize",
      short: "s",
      description: "only the total of each PATH",
    },
    {
      name: "human",
      short: "h",
      description: "sizes such as 1.50 GiB; the help is --help here",
    },
  ],
  args: [{ name: "PATH", names: "remote", optional: true, repeat: true }],
  exitStatus:
    "0 when all was added up, 3 when there is no such file or folder, 4 when not logged in, 5 for the network, 8 when some of several paths failed, or of the folders below.",
  async run(invocation) {
    checkTargets(invocation.args);
    const job = new DuJob(invocation);
    await withSession(
      invocation,
      (connection, retry) => job.run(connection, retry),
    );
    job.finish();
  },
});

/** What a folder has. */
class Sum {
  readonly path: string;
  bytes = 0;
  files = 0;
  folders = 0;

  constructor(path: string) {
    this.path = path;
  }

  add({ bytes, files, folders }: Sum): void {
    this.bytes += bytes;
    this.files += files;
    this.folders += folders;
  }
}

/** One du, over as many connections as it takes. */
class DuJob {
  readonly #invocation: DuInvocation;
  #tally: Tally | undefined;
  #targets: Targets | undefined;
  #done = 0;
  /** Of the target at hand. */
  #usage: FolderUsage | undefined;

  constructor(invocation: DuInvocation) {
    this.#invocation = invocation;
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    const { output } = this.#invocation;
    const args = this.#invocation.args.length === 0
      ? [""]
      : this.#invocation.args;
    if (!this.#targets) {
      this.#targets = await findTargets(connection, args);
      this.#tally = new Tally(output, this.#targets.isSingle, "read");
      for (const { label, error } of this.#targets.failed) {
        this.#tally.failed(error, { name: label });
      }
    }
    const { found } = this.#targets;
    for (; this.#done < found.length; this.#done++) {
      const target = found[this.#done]!;
      try {
        await this.#add(target, connection, retry);
        this.#tally!.succeeded();
      } catch (error) {
        if (!isAboutPath(error)) throw error;
        const { label, path } = target;
        this.#tally!.failed(about(label || "/", error), { name: path });
      }
      retry.moved();
    }
  }

  /** @throws NetdiskError when something could not be read */
  finish(): void {
    this.#tally?.finish();
  }

  async #add(
    { path }: RemoteTarget,
    connection: Connection,
    retry: Retry,
  ): Promise<void> {
    if (!this.#usage) {
      const { entry } = await connection.call({ type: "stat", path }, "entry");
      if (entry.kind !== "folder") {
        const sum = new Sum(path);
        sum.add(sumOf([entry]));
        return this.#show(sum);
      }
      const { summarize } = this.#invocation.options;
      this.#usage = new FolderUsage(path, {
        sorted: !summarize,
        tally: this.#tally!,
        show: (sum) => {
          if (!summarize || sum.path === path) this.#show(sum);
        },
      });
    }
    await this.#usage.run(connection, retry);
    this.#usage = undefined;
  }

  #show({ path, bytes, files, folders }: Sum): void {
    const { output, options } = this.#invocation;
    output.record("usage", { name: path, bytes, files, folders });
    const size = options.human
      ? formatBytes(bytes).padStart(BYTES_COLUMNS)
      : String(bytes).padStart(SIZE_COLUMNS);
    output.print(`${size}  ${displayText(path || "/")}`);
  }
}

interface UsageOptions {
  /** Each folder is told, those below before it; otherwise only the sum of all is right. */
  sorted: boolean;
  tally: Tally;
  show(sum: Sum): void;
}

/** Adds up one folder. */
class FolderUsage {
  readonly #tree: RemoteTree;
  readonly #options: UsageOptions;
  /** From the root to the folder at hand; only the root when not sorted. */
  readonly #open: Sum[];
  /** Of the folder whose pages come. */
  #pending: Sum;

  constructor(path: string, options: UsageOptions) {
    this.#tree = new RemoteTree(path, { sorted: options.sorted });
    this.#options = options;
    this.#open = [new Sum(path)];
    this.#pending = new Sum(path);
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    const { sorted, tally } = this.#options;
    for await (const event of this.#tree.events(connection)) {
      const { path, error } = event;
      if (error) {
        tally.failedPart(about(path || "/", error), { name: path });
        continue;
      }
      if (event.isFirst) this.#pending = new Sum(path);
      this.#pending.add(sumOf(event.entries));
      if (!event.isLast) continue;
      if (sorted) this.#enter(path);
      this.#open.at(-1)!.add(this.#pending);
      retry.moved();
    }
    while (this.#open.length > 0) this.#leave();
  }

  #enter(path: string): void {
    const isIn = (folder: string) =>
      folder === "" || path === folder || path.startsWith(`${folder}/`);
    while (!isIn(this.#open.at(-1)!.path)) this.#leave();
    if (this.#open.at(-1)!.path !== path) this.#open.push(new Sum(path));
  }

  #leave(): void {
    const sum = this.#open.pop()!;
    this.#open.at(-1)?.add(sum);
    this.#options.show(sum);
  }
}

function sumOf(entries: readonly Entry[]): Sum {
  const sum = new Sum("");
  for (const { kind, size } of entries) {
    if (kind === "folder") sum.folders++;
    else {
      sum.files++;
      sum.bytes += size;
    }
  }
  return sum;
}
