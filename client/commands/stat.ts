/** `netdisk stat`: all that is known of remote files and folders. */

import type { NetdiskError } from "../../protocol/errors.ts";
import type { Entry } from "../../protocol/messages.ts";
import { remoteName } from "../../protocol/remote_path.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { displayText } from "../display_text.ts";
import { entryFields, exactTime } from "../entry_view.ts";
import { formatBytes, formatCount } from "../format.ts";
import { answers } from "../pipeline.ts";
import { checkTargets, findTargets, type Targets } from "../remote_targets.ts";
import { type Retry, withSession } from "../retry.ts";
import { Tally } from "../tally.ts";

type StatInvocation = Invocation<{ checksum: boolean }>;

export const command = defineCommand({
  name: "stat",
  summary: "show all about files and folders",
  usage: ["stat PATH..."],
  examples: [
    { command: "netdisk stat report.pdf" },
    { command: "netdisk stat --checksum 'photos/*.jpg'" },
  ],
  description:
    "Shows kind, size, exact time and the executable bit of remote files and folders; PATH may be a pattern. " +
    "With --checksum the server reads the files and tells their SHA-256.",
  options: [
    {
      name: "checksum",
      description: "the SHA-256 of files as well",
    },
  ],
  args: [{ name: "PATH", names: "remote", repeat: true }],
  exitStatus:
    "0 when all was shown, 3 when there is no such file or folder, 4 when not logged in, 5 for the network, 8 when some of several paths failed.",
  async run(invocation) {
    checkTargets(invocation.args);
    const job = new StatJob(invocation);
    await withSession(
      invocation,
      (connection, retry) => job.run(connection, retry),
    );
    job.finish();
  },
});

/** One stat, over as many connections as it takes. */
class StatJob {
  readonly #invocation: StatInvocation;
  #tally: Tally | undefined;
  #targets: Targets | undefined;
  /** Of the targets, in their order. */
  #entries: (Entry | NetdiskError)[] = [];
  #shown = 0;

  constructor(invocation: StatInvocation) {
    this.#invocation = invocation;
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    const { args, options, output } = this.#invocation;
    if (!this.#targets) {
      this.#targets = await findTargets(connection, args);
      this.#tally = new Tally(output, this.#targets.isSingle, "shown");
      for (const { label, error } of this.#targets.failed) {
        this.#tally.failed(error, { name: label });
      }
    }
    const { found } = this.#targets;
    const stats = found.slice(this.#entries.length)
      .map(({ path }) => ({ type: "stat", path } as const));
    for await (const { answer, error } of answers(connection, stats, "entry")) {
      this.#entries.push(error ?? answer.entry);
      retry.moved();
      if (!options.checksum) this.#show(undefined);
    }
    if (options.checksum) await this.#showDigests(connection, retry);
  }

  /** @throws NetdiskError when something could not be shown */
  finish(): void {
    this.#tally?.finish();
  }

  async #showDigests(connection: Connection, retry: Retry): Promise<void> {
    const digests = this.#targets!.found
      .filter((_, index) => index >= this.#shown && this.#isFile(index))
      .map(({ path }) => ({ type: "digest", path } as const));
    for await (
      const { answer, error } of answers(connection, digests, "done")
    ) {
      while (!this.#isFile(this.#shown)) this.#show(undefined);
      this.#show(error ?? answer.sha256);
      retry.moved();
    }
    while (this.#shown < this.#entries.length) this.#show(undefined);
  }

  #isFile(index: number): boolean {
    const entry = this.#entries[index];
    return entry !== undefined && "kind" in entry && entry.kind === "file";
  }

  /** Shows the next one. */
  #show(digest: string | NetdiskError | undefined): void {
    const { output } = this.#invocation;
    const { label, path } = this.#targets!.found[this.#shown]!;
    const found = this.#entries[this.#shown++]!;
    const error = "code" in found
      ? found
      : typeof digest === "object"
      ? digest
      : undefined;
    if (error || "code" in found) {
      this.#tally!.failed(about(label, error!), { name: path });
      return;
    }
    this.#tally!.succeeded();
    // The name of one's own folder is empty, and so is that of no other.
    const entry = { ...found, name: remoteName(path) };
    const sha256 = typeof digest === "string" ? digest : undefined;
    output.record("entry", {
      ...entryFields(path, entry),
      ...(sha256 === undefined ? {} : { sha256 }),
    });
    for (const line of linesOf(path, entry, sha256)) output.print(line);
  }
}

function linesOf(
  path: string,
  { kind, size, mtime, executable }: Entry,
  sha256: string | undefined,
): string[] {
  const isFile = kind === "file";
  const bytes = size === 1 ? "1 byte" : `${formatCount(size)} bytes`;
  const short = size < 1024 ? "" : ` (${formatBytes(size)})`;
  const lines = [
    displayText(path || "/"),
    `  kind:        ${kind}`,
    ...(isFile ? [`  size:        ${bytes}${short}`] : []),
    `  modified:    ${mtime === null ? "unknown" : exactTime(mtime)}`,
    ...(isFile ? [`  executable:  ${executable ? "yes" : "no"}`] : []),
  ];
  return sha256 === undefined ? lines : [...lines, `  sha256:      ${sha256}`];
}
