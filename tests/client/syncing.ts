/** A local folder and a fake server's for tests of `netdisk sync`. */

import { dirname, join } from "@std/path";
import { type Command, defineCommand } from "../../client/command.ts";
import { command as sync } from "../../client/commands/sync.ts";
import { runSync } from "../../client/sync_job.ts";
import type { NameProbes } from "../../client/sync_plan.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { filesIn, play } from "../helpers/play.ts";

/** A time that files have; that of folders is another one. */
export const MTIME = Date.UTC(2026, 0, 31, 13, 5, 9, 7);
export const FOLDER_MTIME = MTIME - 10_000;

/** Paths with texts; `null` is a folder. */
export type Texts = Record<string, string | null>;

/** Both sides of one sync, by the name `here` and `there`. */
export class Sides implements Disposable {
  readonly disk = new FakeDisk();
  readonly #folder = filesIn({});

  constructor(here: Texts, there: Texts) {
    for (const [path, text] of Object.entries(here)) this.write(path, text);
    for (const [path, text] of Object.entries(there)) this.put(path, text);
    this.settle();
  }

  /** The local folder. */
  get here(): string {
    return join(this.#folder.path, "here");
  }

  of(path: string): string {
    return join(this.here, path);
  }

  /** Writes a local file. */
  write(path: string, text: string | null, mtime = MTIME): void {
    const full = this.of(path);
    Deno.mkdirSync(text === null ? full : dirname(full), { recursive: true });
    if (text === null) return;
    Deno.writeTextFileSync(full, text);
    Deno.utimeSync(full, new Date(mtime), new Date(mtime));
  }

  /** Puts a file on the fake server. */
  put(path: string, text: string | null, mtime = MTIME): void {
    const bytes = new TextEncoder().encode(text ?? "");
    const kind = text === null ? "folder" : "file";
    this.disk.set(`there/${path}`, { kind, bytes, mtime });
  }

  /** Gives all folders of both sides their time. */
  settle(): void {
    const time = new Date(FOLDER_MTIME);
    const settle = (path: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(path)) {
        if (isDirectory) settle(join(path, name));
      }
      Deno.utimeSync(path, time, time);
    };
    if (isThere(this.here)) settle(this.here);
    for (const path of this.disk.paths()) {
      if (!path.endsWith("/")) continue;
      this.disk.get(path.slice(0, -1))!.mtime = FOLDER_MTIME;
    }
  }

  /** What is here: paths with their texts, folders with a slash. */
  local(): Texts {
    return isThere(this.here) ? textsOf(this.here, "") : {};
  }

  /** What is there. */
  remote(): Texts {
    const decoder = new TextDecoder();
    const below = this.disk.paths().filter((path) => /^there\/./.test(path));
    return Object.fromEntries(below.map((path) => {
      const name = path.slice("there/".length);
      const node = this.disk.get(path.replace(/\/$/, ""))!;
      return [name, node.kind === "file" ? decoder.decode(node.bytes) : null];
    }));
  }

  /** Runs the command. */
  sync(...options: string[]) {
    return this.#play(sync, options);
  }

  /** As `sync`, of other folders. */
  syncFrom(args: string[], ...options: string[]) {
    return this.#play(sync, options, args);
  }

  /** As `sync`, and what is found is done at once. */
  syncInParts(...options: string[]) {
    const inParts = defineCommand({
      ...sync,
      run: (invocation) => runSync(invocation, { maxFound: 1 }),
    });
    return this.#play(inParts, options);
  }

  /** As `sync`, where the disk takes names for one. */
  syncWithNames(names: NameProbes, ...options: string[]) {
    const withNames = defineCommand({
      ...sync,
      run: (invocation) => runSync(invocation, { names }),
    });
    return this.#play(withNames, options);
  }

  #play(command: Command, options: string[], args = [this.here, "there"]) {
    const argv = [...options, ...args];
    return play(command, argv, (server) => this.disk.serve(server));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function textsOf(root: string, prefix: string): Texts {
  const texts: Texts = {};
  const entries = [...Deno.readDirSync(join(root, prefix))];
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory, isFile } of entries) {
    const path = prefix + name;
    if (isDirectory) {
      texts[`${path}/`] = null;
      Object.assign(texts, textsOf(root, `${path}/`));
    } else if (isFile) texts[path] = Deno.readTextFileSync(join(root, path));
  }
  return texts;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
