/** `netdisk tree`: folders and files as a tree. */

import type { Entry } from "../../protocol/messages.ts";
import {
  joinRemotePath,
  parseRemotePath,
  remoteName,
} from "../../protocol/remote_path.ts";
import { defineCommand, usageError } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { displayText } from "../display_text.ts";
import { entryFields, paintName } from "../entry_view.ts";
import { formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import { childPath, compareNames, RemoteTree } from "../remote_tree.ts";
import { type Retry, withSession } from "../retry.ts";
import { Tally } from "../tally.ts";

export const command = defineCommand({
  name: "tree",
  summary: "show folders and files as a tree",
  usage: ["tree [-L DEPTH] [PATH]"],
  examples: [
    { command: "netdisk tree" },
    { command: "netdisk tree -L 2 photos", note: "two levels of a folder" },
  ],
  description:
    "Shows what is in a remote folder and below it, your own one by default, and how much that is.",
  options: [
    {
      name: "depth",
      short: "L",
      value: "DEPTH",
      description: "only so many levels",
    },
  ],
  args: [{ name: "PATH", names: "remote", optional: true }],
  exitStatus:
    "0 when all was shown, 3 when there is no such folder, 4 when not logged in, 5 for the network, 8 when some of the folders could not be listed.",
  async run(invocation) {
    const { args: [label = ""], options, output } = invocation;
    const path = parseRemotePath(label);
    const view = new TreeView(path, depthOf(options.depth), output);
    const tally = new Tally(output, false, "shown");
    await withSession(invocation, async (connection, retry) => {
      await view.run(connection, retry, tally, label);
    });
    view.finish();
    tally.finish();
  },
});

/** A folder on the way from the root to where the printing is. */
interface Level {
  path: string;
  /** What stands before its entries. */
  indent: string;
  entries: Entry[];
  next: number;
}

/** Prints a sorted walk as it comes. Memory holds the folders on the way down. */
class TreeView {
  readonly #output: Output;
  readonly #root: string;
  readonly #depth: number;
  readonly #tree: RemoteTree;
  readonly #levels: Level[] = [];
  /** Pages of the folder whose turn it is. */
  #pages: Entry[] = [];
  #isBegun = false;
  #folders = 0;
  #files = 0;

  constructor(path: string, depth: number, output: Output) {
    this.#output = output;
    this.#root = path;
    this.#depth = depth;
    this.#tree = new RemoteTree(path, {
      sorted: true,
      whole: true,
      enter: (path) => this.#depthOf(path) < depth,
    });
  }

  async run(
    connection: Connection,
    retry: Retry,
    tally: Tally,
    label: string,
  ): Promise<void> {
    for await (const event of this.#tree.events(connection)) {
      if (event.error) {
        const isRoot = !this.#isBegun && event.path === this.#root;
        const error = about(
          isRoot ? label || "/" : event.path || "/",
          event.error,
        );
        if (isRoot) throw error;
        tally.failedPart(error, { name: event.path });
        // One that has no legal name was never waited for.
        if (event.path === this.#awaited()) this.#enter(event.path, []);
      } else {
        if (event.isFirst) this.#pages = [];
        for (const entry of event.entries) this.#pages.push(entry);
        if (!event.isLast) continue;
        const entries = distinct(this.#pages)
          .sort((a, b) => compareNames(a.name, b.name));
        this.#pages = [];
        tally.succeeded();
        this.#enter(event.path, entries);
      }
      retry.moved();
    }
  }

  /** Says how much it was. */
  finish(): void {
    const folders = this.#folders;
    const files = this.#files;
    this.#output.summarise({ folders, files });
    this.#output.print("");
    this.#output.print(
      `${formatCount(folders)} ${folders === 1 ? "folder" : "folders"}, ` +
        `${formatCount(files)} ${files === 1 ? "file" : "files"}`,
    );
  }

  #depthOf(path: string): number {
    const below = this.#root === "" ? path : path.slice(this.#root.length + 1);
    return below === "" ? 0 : below.split("/").length;
  }

  /** The folder that was printed last, whose entries come next. */
  #awaited(): string | undefined {
    const level = this.#levels.at(-1);
    const entry = level?.entries[level.next - 1];
    return entry && joinRemotePath(level.path, entry.name);
  }

  #enter(path: string, entries: Entry[]): void {
    const above = this.#levels.at(-1);
    const indent = above
      ? above.indent + (isLast(above) ? "    " : "│   ")
      : "";
    if (!this.#isBegun) {
      this.#isBegun = true;
      const name = displayText(remoteName(path) || "/");
      this.#output.print(this.#output.paint("stdout", "blue", name));
    }
    this.#levels.push({ path, indent, entries, next: 0 });
    this.#printOn();
  }

  /** Prints up to the next folder that is entered. */
  #printOn(): void {
    for (let level = this.#levels.at(-1); level; level = this.#levels.at(-1)) {
      const entry = level.entries[level.next++];
      if (!entry) {
        this.#levels.pop();
        continue;
      }
      const branch = isLast(level) ? "└── " : "├── ";
      this.#print(level, branch, entry);
      if (entry.kind !== "folder") {
        this.#files++;
        continue;
      }
      this.#folders++;
      const path = childPath(level.path, entry);
      const isEntered = typeof path === "string" &&
        this.#depthOf(path) < this.#depth;
      if (isEntered) return;
    }
  }

  #print(level: Level, branch: string, entry: Entry): void {
    if (this.#output.json) {
      const path = joinRemotePath(level.path, entry.name);
      this.#output.record("entry", entryFields(path, entry));
      return;
    }
    const name = paintName(this.#output, entry, entry.name);
    this.#output.print(level.indent + branch + name);
  }
}

/** With each folder but once, as the walk enters it. */
function distinct(entries: readonly Entry[]): Entry[] {
  const folders = new Set<string>();
  return entries.filter(({ name, kind }) => {
    if (kind !== "folder") return true;
    const isNew = !folders.has(name);
    folders.add(name);
    return isNew;
  });
}

/** True when the last of its entries was taken. */
function isLast({ entries, next }: Level): boolean {
  return next >= entries.length;
}

function depthOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw usageError("tree", "-L takes a number from 1 to 999999");
}
