/** `netdisk ls`: what is in a folder. */

import type { Entry } from "../../protocol/messages.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  parseRemotePath,
  remoteName,
  remoteParent,
} from "../../protocol/remote_path.ts";
import { defineCommand } from "../command.ts";
import { about, type Connection, isAboutPath } from "../connection.ts";
import { displayText } from "../display_text.ts";
import type { Output } from "../output.ts";
import { type Retry, withSession } from "../retry.ts";

/** Listings up to this length are sorted; longer ones come as they are, without waiting. */
const MAX_SORTED = 10_000;

/** Columns of the longest size below an exabyte. */
const SIZE_COLUMNS = 15;

export const command = defineCommand({
  name: "ls",
  summary: "list files",
  usage: ["ls [PATH...]"],
  examples: [
    { command: "netdisk ls -l" },
    { command: "netdisk ls photos/2026" },
  ],
  description:
    "Lists the files and folders in a remote folder, your own one by default; folders end in a slash. " +
    `Listings of up to ${MAX_SORTED} names are sorted, longer ones come in the server's order.`,
  options: [
    {
      name: "long",
      short: "l",
      description: "kind, size in bytes, time and name of each",
    },
  ],
  args: [{ name: "PATH", optional: true, repeat: true }],
  exitStatus:
    "0 when all was listed, 3 when there is no such file or folder, 4 when not logged in, 5 when the server cannot be reached, 8 when some of several paths failed.",
  async run(invocation) {
    const { options, output } = invocation;
    const args = invocation.args.length === 0 ? [""] : invocation.args;
    const paths = args.map(parseRemotePath);
    const lister = new Lister(output, options.long);
    let listed = 0;
    let failures = 0;
    await withSession(invocation, async (connection, retry) => {
      for (; listed < paths.length; listed++) {
        try {
          const titled = paths.length > 1;
          await lister.list(connection, paths[listed]!, { titled, retry });
        } catch (error) {
          if (!isAboutPath(error)) throw error;
          const failure = about(args[listed]!, error);
          if (paths.length === 1) throw failure;
          failures++;
          output.failure(failure);
        }
        retry.moved();
      }
    });
    if (failures > 0) {
      throw new NetdiskError(
        "partial",
        `${failures} of ${paths.length} paths could not be listed`,
      );
    }
  },
});

class Lister {
  #output: Output;
  #long: boolean;
  #hasPrinted = false;

  constructor(output: Output, long: boolean) {
    this.#output = output;
    this.#long = long;
  }

  /**
   * Lists one path; a file stands for itself. What is printed before a listing
   * is complete makes it one that cannot be tried again.
   */
  async list(
    connection: Connection,
    path: string,
    { titled, retry }: { titled: boolean; retry: Retry },
  ): Promise<void> {
    retry.repeatable = true;
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
      const name = remoteName(path);
      this.#print({ ...entry, name }, remoteParent(path), path);
      return;
    }
    let held: Entry[] | undefined = [];
    for (let more = true; more;) {
      const page = await connection.receive("entries");
      more = page.more;
      if (held && held.length + page.entries.length <= MAX_SORTED) {
        held.push(...page.entries);
        continue;
      }
      if (held) {
        retry.repeatable = false;
        if (titled) this.#printTitle(path);
        for (const entry of held) this.#print(entry, path);
        held = undefined;
      }
      for (const entry of page.entries) this.#print(entry, path);
    }
    retry.repeatable = true;
    if (!held) return;
    if (titled) this.#printTitle(path);
    held.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    for (const entry of held) this.#print(entry, path);
  }

  #printTitle(path: string): void {
    const title = `${displayText(path || "/")}:`;
    this.#output.print(this.#hasPrinted ? `\n${title}` : title);
    this.#hasPrinted = true;
  }

  /** One line; `shown` stands in it for the name. */
  #print(entry: Entry, folder: string, shown = entry.name): void {
    const { name, kind, size, mtime, executable } = entry;
    this.#hasPrinted = true;
    this.#output.record("entry", {
      folder,
      name,
      kind,
      size,
      mtime: mtime === null ? null : new Date(mtime).toISOString(),
      executable,
    });
    if (this.#output.json) return;
    const text = this.#paint(entry, displayText(shown));
    if (!this.#long) {
      this.#output.print(text);
      return;
    }
    const letter = kind === "folder"
      ? "d"
      : kind === "other"
      ? "?"
      : executable
      ? "x"
      : "-";
    const bytes = (kind === "file" ? String(size) : "-").padStart(SIZE_COLUMNS);
    this.#output.print(`${letter} ${bytes}  ${localTime(mtime)}  ${text}`);
  }

  #paint({ kind, executable }: Entry, name: string): string {
    if (kind === "folder") {
      return this.#output.paint("stdout", "blue", name) + "/";
    }
    if (kind === "other") return this.#output.paint("stdout", "cyan", name);
    return executable ? this.#output.paint("stdout", "bold", name) : name;
  }
}

/** What answers a `list` that turned out to be needless; most often an error. */
async function skipListing(connection: Connection): Promise<void> {
  try {
    while ((await connection.receive("entries")).more);
  } catch (error) {
    if (!isAboutPath(error)) throw error;
  }
}

/** `2026-01-31 14:05`, in the time zone of whoever looks. */
function localTime(mtime: number | null): string {
  if (mtime === null) return " ".repeat(16);
  const date = new Date(mtime);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${
    two(date.getDate())
  }`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
