/** `netdisk ls`: what is in a folder. */

import type { Entry } from "../../protocol/messages.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  parseRemotePath,
  remoteName,
  remoteParent,
} from "../../protocol/remote_path.ts";
import { defineCommand } from "../command.ts";
import { about, type Connection } from "../connection.ts";
import { connectLoggedIn } from "../connect.ts";
import { displayText } from "../display_text.ts";
import type { Output } from "../output.ts";

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
    const { connection } = await connectLoggedIn(invocation);
    using _closing = connection;
    const lister = new Lister(connection, output, options.long);
    let failures = 0;
    for (const [index, path] of paths.entries()) {
      try {
        await lister.list(path, paths.length > 1);
      } catch (error) {
        if (!isAboutPath(error)) throw error;
        if (paths.length === 1) throw about(args[index]!, error);
        failures++;
        output.failure(about(args[index]!, error));
      }
    }
    if (failures > 0) {
      throw new NetdiskError(
        "partial",
        `${failures} of ${paths.length} paths could not be listed`,
      );
    }
  },
});

class Lister {
  #connection: Connection;
  #output: Output;
  #long: boolean;
  #hasPrinted = false;

  constructor(connection: Connection, output: Output, long: boolean) {
    this.#connection = connection;
    this.#output = output;
    this.#long = long;
  }

  /** Lists one path; a file stands for itself. */
  async list(path: string, titled: boolean): Promise<void> {
    // Sent together: most paths are folders, and then one trip is enough.
    await this.#connection.send({ type: "stat", path });
    await this.#connection.send({ type: "list", path });
    let entry: Entry;
    try {
      ({ entry } = await this.#connection.receive("entry"));
    } catch (error) {
      if (isAboutPath(error)) await this.#skipListing();
      throw error;
    }
    if (entry.kind !== "folder") {
      await this.#skipListing();
      const name = remoteName(path);
      this.#print({ ...entry, name }, remoteParent(path), path);
      return;
    }
    if (titled) {
      const title = `${displayText(path || "/")}:`;
      this.#output.print(this.#hasPrinted ? `\n${title}` : title);
      this.#hasPrinted = true;
    }
    await this.#listFolder(path);
  }

  /** What answers a `list` that turned out to be needless; most often an error. */
  async #skipListing(): Promise<void> {
    try {
      while ((await this.#connection.receive("entries")).more);
    } catch (error) {
      if (!isAboutPath(error)) throw error;
    }
  }

  async #listFolder(path: string): Promise<void> {
    let held: Entry[] | undefined = [];
    for (let more = true; more;) {
      const page = await this.#connection.receive("entries");
      more = page.more;
      if (held && held.length + page.entries.length <= MAX_SORTED) {
        held.push(...page.entries);
        continue;
      }
      for (const entry of held ?? []) this.#print(entry, path);
      held = undefined;
      for (const entry of page.entries) this.#print(entry, path);
    }
    held?.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    for (const entry of held ?? []) this.#print(entry, path);
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

/** An error of one path; the next one may be fine. */
function isAboutPath(error: unknown): error is NetdiskError {
  return error instanceof NetdiskError &&
    ["not-found", "not-folder", "bad-name", "denied", "io", "internal"]
      .includes(error.code);
}
