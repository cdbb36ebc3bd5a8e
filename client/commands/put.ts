/** `netdisk put`: uploads files. */

import { NetdiskError } from "../../protocol/errors.ts";
import { joinRemotePath, parseRemotePath } from "../../protocol/remote_path.ts";
import { defineCommand, type Invocation, usageError } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { connectLoggedIn } from "../connect.ts";
import { fileSource, type LocalSource, stdinSource } from "../local_source.ts";
import type { UploadItem } from "../pending_put.ts";
import { Progress, progressStyle } from "../progress.ts";
import { Results } from "../results.ts";
import { uploadAll, type UploadObserver } from "../upload.ts";

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
    "LOCAL - is standard input.",
  options: [
    {
      name: "to",
      short: "t",
      value: "REMOTE",
      description: "the folder, or for a single file its new name",
    },
  ],
  args: [{ name: "LOCAL", repeat: true }],
  exitStatus:
    "0 when all files are on the server's disk, 3 when a file does not exist, 4 when not logged in, 5 for the network, 6 when the server refuses a file, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    const { options, args, output } = invocation;
    const to = options.to;
    checkArguments(args, to);
    const results = new Results(args.length, "uploaded");
    const sources = openSources(invocation, results, to);
    const { connection } = await connectLoggedIn(invocation);
    using _closing = connection;
    const folder = await targetFolder(connection, to);
    const items = nameItems(sources, to, folder, ({ label: name }, error) => {
      results.failed(error, output, { name });
    });
    await upload(invocation, connection, items, results);
    results.finish();
  },
});

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
  { args, output, stdin }: Invocation,
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

async function upload(
  { output, options }: Invocation,
  connection: Connection,
  items: readonly UploadItem[],
  results: Results,
): Promise<void> {
  if (items.length === 0) return;
  const style = progressStyle(options.progress, output);
  using progress = new Progress(startOf(items), { output, style });
  let done = 0;
  const many = items.length > 1;
  const observer: UploadObserver = {
    began({ remotePath }) {
      if (many) progress.update({ name: remotePath });
    },
    sent: (bytes) => progress.add(bytes),
    ended({ item, receipt, error }) {
      done++;
      if (many) progress.update({ files: { done, total: items.length } });
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
    },
  };
  await uploadAll(connection, items, observer);
  if (results.failures === 0) progress.finish();
}

function startOf(items: readonly UploadItem[]) {
  const [first] = items;
  let total: number | undefined = 0;
  for (const { source } of items) {
    total = source.size === null ? undefined : total! + source.size;
  }
  return items.length === 1 ? { name: first!.remotePath, total } : {
    name: first!.remotePath,
    total,
    files: { done: 0, total: items.length },
  };
}
