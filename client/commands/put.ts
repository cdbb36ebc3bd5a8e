/** `netdisk put`: uploads files. */

import { NetdiskError } from "../../protocol/errors.ts";
import { joinRemotePath, parseRemotePath } from "../../protocol/remote_path.ts";
import { defineCommand, type Invocation, usageError } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { onInterrupt } from "../interrupt.ts";
import { fileSource, type LocalSource, stdinSource } from "../local_source.ts";
import type { Output } from "../output.ts";
import type { UploadItem, UploadOutcome } from "../pending_put.ts";
import { progressStyle } from "../progress.ts";
import type { PromptInput } from "../prompt.ts";
import { GOES_ON, type Retry, withSession } from "../retry.ts";
import { Results } from "../results.ts";
import { uploadAll } from "../upload.ts";
import { UploadProgress } from "../upload_progress.ts";

const PIPE_IS_GONE =
  "what a pipe has given cannot be sent again: run the whole command line once more";

export const command = defineCommand({
  name: "put",
  summary: "upload files",
  usage: ["put LOCAL... [--to REMOTE]", "put - --to REMOTE"],
  examples: [
    { command: "netdisk put report.pdf" },
    { command: "netdisk put *.jpg --to photos/", note: "into a folder" },
    {
      command: "tar c src | netdisk put - --to src.tar",
      note: "what a pipe gives",
    },
  ],
  description:
    "Uploads files; an existing remote file is replaced in one step when the new one is whole and on the server's disk. " +
    "Missing remote folders are made.\n\n" +
    "A REMOTE that ends in a slash or names a folder is a folder; otherwise it is the file's new name. " +
    "LOCAL - is standard input.\n\n" +
    "A lost connection is tried again by itself. A file of known size goes on where it stopped, and so it does when put is interrupted " +
    "and the same command is given again, after it was checked that the server has a beginning of this very file. " +
    "What a pipe gives can only be sent once.",
  options: [
    {
      name: "to",
      short: "t",
      value: "REMOTE",
      description: "the folder, or for a single file its new name",
    },
    {
      name: "restart",
      description: "send whole files, whatever the server has of them",
    },
  ],
  args: [{ name: "LOCAL", repeat: true }],
  exitStatus:
    "0 when all files are on the server's disk, 3 when a file does not exist, 4 when not logged in, 5 for the network, 6 when the server refuses a file, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    checkArguments(invocation.args, invocation.options.to);
    using job = new PutJob(invocation);
    using _interrupted = onInterrupt(() => {
      if (job.isResumable) invocation.output.notice(GOES_ON);
    });
    await withSession(invocation, async (connection, retry) => {
      try {
        await job.run(connection, retry);
      } finally {
        retry.repeatable = !job.hasReadStdin;
        retry.hint = job.hint;
      }
    });
    job.finish();
  },
});

/** One put, over as many connections as it takes. */
class PutJob implements Disposable {
  #invocation: Invocation<{ to: string | undefined; restart: boolean }>;
  #results: Results;
  #sources: LocalSource[];
  #progress: UploadProgress | undefined;
  hasReadStdin = false;

  constructor(
    invocation: Invocation<{ to: string | undefined; restart: boolean }>,
  ) {
    this.#invocation = invocation;
    this.#results = new Results(invocation.args.length, "uploaded");
    const stdin = {
      read: (target: Uint8Array) => {
        this.hasReadStdin = true;
        return invocation.stdin.read(target);
      },
    };
    const { to } = invocation.options;
    this.#sources = openSources({ ...invocation, stdin }, this.#results, to);
  }

  /** True when the same command would go on where this one is. */
  get isResumable(): boolean {
    return this.#progress?.resumable ?? false;
  }

  /** What to do about a connection that stays lost, where that is worth saying. */
  get hint(): string | undefined {
    if (this.hasReadStdin) return PIPE_IS_GONE;
    return this.isResumable ? GOES_ON : undefined;
  }

  /** Sends what has no outcome yet. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    const { options } = this.#invocation;
    if (this.#progress) this.#progress.reconnected();
    else this.#progress = await this.#begin(connection, retry);
    const progress = this.#progress;
    if (progress.left.length === 0) return;
    await uploadAll(connection, progress.left, progress, {
      mayResume: (item) => !options.restart || progress.hasStarted(item),
    });
  }

  /** Names what is sent, which takes the server: `--to` may be a folder there. */
  async #begin(connection: Connection, retry: Retry): Promise<UploadProgress> {
    const { options, output } = this.#invocation;
    const results = this.#results;
    const folder = await targetFolder(connection, options.to);
    const items = nameItems(
      this.#sources,
      options.to,
      folder,
      ({ label: name }, error) => results.failed(error, output, { name }),
    );
    return new UploadProgress(items, {
      output,
      style: items.length === 0
        ? "none"
        : progressStyle(options.progress, output),
      retry,
      ended: (outcome) => report(outcome, output, results),
    });
  }

  /** Says how it went. @throws NetdiskError when a file failed */
  finish(): void {
    if (this.#results.failures === 0) this.#progress?.finish();
    this.#results.finish();
  }

  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
  }
}

function checkArguments(args: readonly string[], to: string | undefined): void {
  if (!args.includes("-")) return;
  if (args.length > 1) {
    throw usageError(
      "put",
      "standard input (-) cannot be put together with files",
    );
  }
  if (to === undefined || to.endsWith("/")) {
    throw usageError("put", "standard input needs a name: put - --to NAME");
  }
}

/** The sources that can be read; the others are failures already. */
function openSources(
  { args, output, stdin }: Pick<Invocation, "args" | "output"> & {
    stdin: Pick<PromptInput, "read">;
  },
  results: Results,
  to: string | undefined,
): LocalSource[] {
  const sources: LocalSource[] = [];
  for (const path of args) {
    try {
      sources.push(path === "-" ? stdinSource(stdin) : fileSource(path));
    } catch (error) {
      const failure = withHint(error as NetdiskError, args, to);
      // Meant as a new name: uploading the other one could replace a file.
      if (args.length === 1 || failure.hint !== undefined) throw failure;
      results.failed(failure, output, { name: path });
    }
  }
  return sources;
}

/** `put a b` where b does not exist is most often meant as `cp a b`. */
function withHint(
  error: NetdiskError,
  args: readonly string[],
  to: string | undefined,
): NetdiskError {
  const [source, name] = args;
  if (error.code !== "not-found" || args.length !== 2 || to !== undefined) {
    return error;
  }
  if (!error.message.startsWith(`${name}:`)) return error;
  return new NetdiskError(error.code, error.message, {
    hint: `to upload under another name: netdisk put ${source} --to ${name}`,
    cause: error,
  });
}

/** The remote folder that the files go to, or undefined when `to` is a new name. */
async function targetFolder(
  connection: Connection,
  to: string | undefined,
): Promise<string | undefined> {
  if (to === undefined) return "";
  const path = parseRemotePath(to);
  if (to.endsWith("/") || path === "") return path;
  try {
    const { entry } = await connection.call({ type: "stat", path }, "entry");
    return entry.kind === "folder" ? path : undefined;
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    if (["not-found", "not-folder"].includes(error.code)) return undefined;
    throw ["denied", "io"].includes(error.code) ? about(to, error) : error;
  }
}

/** What is uploaded under which name; a source whose name cannot be remote is left out. */
function nameItems(
  sources: readonly LocalSource[],
  to: string | undefined,
  folder: string | undefined,
  refuse: (source: LocalSource, error: NetdiskError) => void,
): UploadItem[] {
  if (folder === undefined) {
    if (sources.length > 1) {
      throw usageError(
        "put",
        `--to ${to} is not a folder, and there are several files; for a new folder write ${to}/`,
      );
    }
    const remotePath = parseRemotePath(to!);
    return sources.map((source) => ({ source, remotePath }));
  }
  const taken = new Map<string, string>();
  return sources.flatMap((source) => {
    if (source.name === "") {
      throw usageError(
        "put",
        "standard input needs a name, and --to is a folder",
      );
    }
    let remotePath: string;
    try {
      remotePath = parseRemotePath(joinRemotePath(folder, source.name));
    } catch (error) {
      refuse(source, error as NetdiskError);
      return [];
    }
    const other = taken.get(remotePath);
    if (other !== undefined) {
      throw usageError(
        "put",
        `${other} and ${source.label} would get the same name`,
      );
    }
    taken.set(remotePath, source.label);
    return { source, remotePath };
  });
}

/** Puts one outcome on the screen. */
function report(
  { item, receipt, error }: UploadOutcome,
  output: Output,
  results: Results,
): void {
  const name = item.remotePath;
  if (error) {
    results.failed(error, output, { name });
    return;
  }
  const { size, sha256, mtime, time } = receipt!;
  results.succeeded();
  output.record("receipt", {
    name,
    size,
    sha256,
    mtime: mtime === null ? null : new Date(mtime).toISOString(),
    time: new Date(time).toISOString(),
  });
  output.detail(`${name}: ${size} bytes, sha256 ${sha256}`);
}
