/** `netdisk ls`: what is in a folder. */

import type { Entry } from "../../protocol/messages.ts";
import {
  joinRemotePath,
  remoteName,
  remoteParent,
} from "../../protocol/remote_path.ts";
import { defineCommand } from "../command.ts";
import { about, type Connection, isAboutPath } from "../connection.ts";
import { displayText } from "../display_text.ts";
import { entryFields, longColumns, paintName } from "../entry_view.ts";
import { listingPages } from "../listing.ts";
import type { Output } from "../output.ts";
import {
  checkTargets,
  findTargets,
  type RemoteTarget,
  slashFault,
  type Targets,
} from "../remote_targets.ts";
import { compareNames, MAX_SORTED, RemoteTree } from "../remote_tree.ts";
import { type Retry, withSession } from "../retry.ts";
import { Tally } from "../tally.ts";

export const command = defineCommand({
  name: "ls",
  summary: "list files",
  usage: ["ls [PATH...]"],
  examples: [
    { command: "netdisk ls -l" },
    { command: "netdisk ls -R photos/2026", note: "and what is below" },
    { command: "netdisk ls 'photos/*.jpg'" },
  ],
  description:
    "Lists the files and folders in a remote folder, your own one by default; folders end in a slash. " +
    `Listings of up to ${MAX_SORTED} names are sorted, longer ones come in the server's order.\n\n` +
    "PATH may be a pattern with *, ?, [...], {a,b} and ** for any folders; quote it, or the shell takes it for local files.",
  options: [
    {
      name: "long",
      short: "l",
      description: "kind, size in bytes, time and name of each",
    },
    {
      name: "recursive",
      short: "R",
      description: "the folders below as well",
    },
  ],
  args: [{ name: "PATH", names: "remote", optional: true, repeat: true }],
  exitStatus:
    "0 when all was listed, 3 when there is no such file or folder, 4 when not logged in, 5 when the server cannot be reached, 8 when some of several paths failed.",
  async run(invocation) {
    const { options, output } = invocation;
    const args = invocation.args.length === 0 ? [""] : invocation.args;
    checkTargets(args);
    let targets: Targets | undefined;
    let tally: Tally | undefined;
    let lister: Lister | undefined;
    let listed = 0;
    await withSession(invocation, async (connection, retry) => {
      targets ??= await findTargets(connection, args, { looks: false });
      const { found, failed, isSingle } = targets;
      if (!tally) {
        tally = new Tally(output, isSingle, "listed");
        for (const { label, error } of failed) {
          tally.failed(error, { name: label });
        }
      }
      const titled = !isSingle || options.recursive;
      lister ??= new Lister(output, tally, { ...options, titled });
      const ordered = filesFirst(found);
      for (; listed < ordered.length; listed++) {
        const target = ordered[listed]!;
        try {
          await lister.list(connection, target, retry);
          tally.succeeded();
        } catch (error) {
          if (!isAboutPath(error)) throw error;
          tally.failed(about(target.label, error), { name: target.path });
        }
        retry.moved();
      }
    });
    tally?.finish();
  },
});

class Lister {
  readonly #output: Output;
  readonly #tally: Tally;
  readonly #options: { long: boolean; recursive: boolean; titled: boolean };
  /** Of the folder at hand, with `-R`. */
  #tree: RemoteTree | undefined;
  #hasPrinted = false;

  constructor(
    output: Output,
    tally: Tally,
    options: { long: boolean; recursive: boolean; titled: boolean },
  ) {
    this.#output = output;
    this.#tally = tally;
    this.#options = options;
  }

  /**
   * Lists one path; a file stands for itself. What is printed before a listing
   * is complete makes it one that cannot be tried again.
   */
  async list(
    connection: Connection,
    target: RemoteTarget,
    retry: Retry,
  ): Promise<void> {
    retry.repeatable = true;
    if (target.entry && target.entry.kind !== "folder") {
      this.#printFile(target, target.entry);
    } else if (this.#options.recursive) {
      await this.#listTree(connection, target, retry);
    } else {
      await this.#listFolder(connection, target, retry);
    }
  }

  async #listFolder(
    connection: Connection,
    target: RemoteTarget,
    retry: Retry,
  ): Promise<void> {
    const { path } = target;
    // Sent together: most paths are folders, and then one trip is enough.
    await connection.send({ type: "stat", path });
    await connection.send({ type: "list", path });
    let entry: Entry;
    try {
      ({ entry } = await connection.receive("entry"));
    } catch (error) {
      if (isAboutPath(error)) await skipListing(connection);
      throw error;
    }
    if (entry.kind !== "folder") {
      await skipListing(connection);
      this.#printFile(target, entry);
      return;
    }
    let held: Entry[] | undefined = [];
    for await (const entries of listingPages(connection)) {
      if (held && held.length + entries.length <= MAX_SORTED) {
        held.push(...entries);
        continue;
      }
      if (held) {
        retry.repeatable = false;
        this.#printTitle(path);
        for (const entry of held) this.#print(entry, path);
        held = undefined;
      }
      for (const entry of entries) this.#print(entry, path);
    }
    retry.repeatable = true;
    if (!held) return;
    this.#printTitle(path);
    held.sort((a, b) => compareNames(a.name, b.name));
    for (const entry of held) this.#print(entry, path);
  }

  async #listTree(
    connection: Connection,
    target: RemoteTarget,
    retry: Retry,
  ): Promise<void> {
    const { path } = target;
    if (!this.#tree) {
      const { entry } = await connection.call({ type: "stat", path }, "entry");
      if (entry.kind !== "folder") return this.#printFile(target, entry);
      this.#tree = new RemoteTree(path, { sorted: true });
    }
    for await (const event of this.#tree.events(connection)) {
      if (event.error) {
        const error = about(event.path || "/", event.error);
        this.#tally.failedPart(error, { name: event.path });
        continue;
      }
      const { path: folder, entries, isFirst, isLast } = event;
      retry.repeatable = isLast;
      if (isFirst) this.#printTitle(folder);
      for (const entry of entries) this.#print(entry, folder);
      if (isLast) retry.moved();
    }
    this.#tree = undefined;
  }

  #printTitle(path: string): void {
    if (!this.#options.titled) return;
    const title = `${displayText(path || "/")}:`;
    this.#output.print(this.#hasPrinted ? `\n${title}` : title);
    this.#hasPrinted = true;
  }

  /** A path that is no folder, by its whole name. */
  #printFile({ label, path }: RemoteTarget, entry: Entry): void {
    const fault = slashFault(label, entry);
    if (fault) throw fault;
    const name = remoteName(path);
    this.#print({ ...entry, name }, remoteParent(path), path);
  }

  /** One line; `shown` stands in it for the name. */
  #print(entry: Entry, folder: string, shown = entry.name): void {
    this.#hasPrinted = true;
    if (this.#output.json) {
      const path = joinRemotePath(folder, entry.name);
      this.#output.record("entry", entryFields(path, entry));
      return;
    }
    const name = paintName(this.#output, entry, shown);
    const line = this.#options.long ? `${longColumns(entry)}  ${name}` : name;
    this.#output.print(line);
  }
}

/** Files that a pattern matches come before the folders, as shells have it. */
function filesFirst(targets: readonly RemoteTarget[]): RemoteTarget[] {
  const rank = ({ entry }: RemoteTarget) => entry?.kind === "folder" ? 1 : 0;
  return targets.toSorted((a, b) => rank(a) - rank(b));
}

/** What answers a `list` that turned out to be needless; most often an error. */
async function skipListing(connection: Connection): Promise<void> {
  try {
    for await (const _ of listingPages(connection));
  } catch (error) {
    if (!isAboutPath(error)) throw error;
  }
}
