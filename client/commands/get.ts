/** `netdisk get`: downloads files. */

import { join, resolve } from "@std/path";
import { NetdiskError } from "../../protocol/errors.ts";
import { parseRemotePath, remoteName } from "../../protocol/remote_path.ts";
import { defineCommand, usageError } from "../command.ts";
import { Downloads } from "../download.ts";
import { DownloadProgress } from "../download_progress.ts";
import type { DownloadItem, DownloadOutcome } from "../incoming_file.ts";
import { onInterrupt } from "../interrupt.ts";
import { localError } from "../local_source.ts";
import { fileTarget, stdoutTarget } from "../local_target.ts";
import type { Output } from "../output.ts";
import { progressStyle } from "../progress.ts";
import { Results } from "../results.ts";
import { GOES_ON, retryLimit, withSession } from "../retry.ts";
import { chooseServer, chooseSession } from "../server_choice.ts";

export const command = defineCommand({
  name: "get",
  summary: "download files",
  usage: ["get REMOTE... [--to LOCAL]", "get REMOTE --to -"],
  examples: [
    { command: "netdisk get report.pdf" },
    { command: "netdisk get photos/a.jpg photos/b.jpg --to pictures/" },
    { command: "netdisk get src.tar --to - | tar x", note: "into a pipe" },
  ],
  description:
    "Downloads files into the current folder. Each is written beside its target, checked against its SHA-256, " +
    "and only then takes the place of what was there.\n\n" +
    "A LOCAL that ends in a slash or names a folder is a folder; otherwise it is the file's new name. " +
    "LOCAL - is standard output.\n\n" +
    "A lost connection is tried again by itself, and goes on where it stopped. So does the same command after an interrupted one, " +
    "which leaves what it has of a file of 1 MiB or more beside the target, as .netdisk-ID.part; " +
    "it goes on only if the server's file still begins with that. Such a file may be removed.",
  options: [
    {
      name: "to",
      short: "t",
      value: "LOCAL",
      description: "the folder, or for a single file its new name",
    },
    {
      name: "restart",
      description: "fetch whole files, whatever is here of them",
    },
  ],
  args: [{ name: "REMOTE", repeat: true }],
  exitStatus:
    "0 when all files are here, 3 when a file does not exist, 4 when not logged in, 5 for the network, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    const { args, output, options } = invocation;
    const items = nameItems(args, options.to, output);
    // Whoever cannot connect is told before minutes of reading, not after.
    retryLimit(invocation);
    chooseSession(invocation, chooseServer(invocation));
    const results = new Results(items.length, "downloaded");
    using progress = new DownloadProgress(items, {
      output,
      style: progressStyle(options.progress, output),
      ended: (outcome) => report(outcome, output, results),
    });
    using downloads = new Downloads(items, progress);
    using _interrupted = onInterrupt(() => {
      if (downloads.isKept) output.notice(GOES_ON);
    });
    await downloads.takeBeginnings(options.restart);
    progress.hide();
    await withSession(invocation, async (connection, retry) => {
      progress.connected(retry);
      try {
        await downloads.run(connection);
      } finally {
        retry.hint = downloads.isKept ? GOES_ON : undefined;
      }
    });
    if (results.failures === 0) progress.finish();
    results.finish();
  },
});

function nameItems(
  args: readonly string[],
  to: string | undefined,
  output: Output,
): DownloadItem[] {
  const sources = args.map((label) => ({
    label,
    remotePath: parseRemotePath(label),
  }));
  for (const { label, remotePath } of sources) {
    if (remotePath === "") throw usageError("get", `${label} is a folder`);
  }
  if (to === "-") return nameStdout(sources, output);
  if (to !== undefined && !isFolder(to)) {
    if (sources.length > 1) {
      throw usageError(
        "get",
        `--to ${to} is not a folder, and there are several files; make it first: mkdir ${to}`,
      );
    }
    return [{ ...sources[0]!, target: fileTarget(to) }];
  }
  const taken = new Map<string, string>();
  return sources.map((source) => {
    const path = join(to ?? "", remoteName(source.remotePath));
    const other = taken.get(resolve(path));
    if (other !== undefined) {
      throw usageError(
        "get",
        `${other} and ${source.label} would get the same name`,
      );
    }
    taken.set(resolve(path), source.label);
    return { ...source, target: fileTarget(path) };
  });
}

function nameStdout(
  sources: Omit<DownloadItem, "target">[],
  output: Output,
): DownloadItem[] {
  if (sources.length > 1) {
    throw usageError("get", "only one file can go to standard output");
  }
  if (output.json) {
    throw usageError("get", "--json and --to - both need standard output");
  }
  return [{ ...sources[0]!, target: stdoutTarget(output) }];
}

/** True for a folder; a name with a slash at its end must be one. */
function isFolder(path: string): boolean {
  // With its slash, a file would fail as if a folder above it were missing.
  const name = path.replace(/(?<=.)\/+$/s, "");
  try {
    if (Deno.statSync(name).isDirectory) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw localError(path, error);
    if (path.endsWith("/")) {
      throw new NetdiskError("not-found", `${path}: no such folder`, {
        hint: `mkdir -p ${path}`,
      });
    }
    return false;
  }
  if (path.endsWith("/")) {
    throw new NetdiskError("not-folder", `${path}: it is not a folder`);
  }
  return false;
}

/** Puts one outcome on the screen. */
function report(
  { item, file, error }: DownloadOutcome,
  output: Output,
  results: Results,
): void {
  const name = item.remotePath;
  if (error) {
    results.failed(error, output, { name });
    return;
  }
  const { size, sha256, mtime } = file!;
  results.succeeded();
  output.record("file", {
    name,
    path: item.target?.label,
    size,
    sha256,
    mtime: mtime === null ? null : new Date(mtime).toISOString(),
  });
  output.detail(`${name}: ${size} bytes, sha256 ${sha256}`);
}
