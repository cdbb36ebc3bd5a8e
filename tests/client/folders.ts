/** Local folders and a fake server's, for tests of `put -r` and `get -r`. */

import { dirname, join } from "@std/path";
import type { Command } from "../../client/command.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { play, type Played } from "../helpers/play.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** A time that nothing has by chance. */
export const MTIME = Date.UTC(2026, 0, 31, 13, 5, 9, 7);

/** Texts of files; `null` is a folder. */
export type Texts = Record<string, string | null>;

/** A folder that is put or fetched. */
export const PHOTOS: Texts = {
  "photos/a.jpg": "1",
  "photos/empty": null,
  "photos/sub/b.txt": "22",
  "photos/sub/deep/c": "",
};

/** What is in {@link PHOTOS}, below a folder. */
export function below(folder: string): Texts {
  return {
    [`${folder}a.jpg`]: "1",
    [`${folder}empty/`]: null,
    [`${folder}sub/`]: null,
    [`${folder}sub/b.txt`]: "22",
    [`${folder}sub/deep/`]: null,
    [`${folder}sub/deep/c`]: "",
  };
}

/** A current folder and a server's disk. `using` goes back to where one was. */
export class Place implements Disposable {
  readonly disk: FakeDisk;
  readonly path: string;
  #folder = tempFolder();
  #before = Deno.cwd();

  constructor(here: Texts, there: Texts = {}) {
    this.path = this.#folder.path;
    this.disk = new FakeDisk();
    for (const [path, text] of Object.entries(here)) this.write(path, text);
    for (const [path, text] of Object.entries(there)) this.put(path, text);
    Deno.chdir(this.path);
  }

  /** Writes a local file, or makes a folder. */
  write(path: string, text: string | null, mtime = MTIME): void {
    const full = join(this.path, path);
    Deno.mkdirSync(text === null ? full : dirname(full), { recursive: true });
    if (text !== null) Deno.writeTextFileSync(full, text);
    Deno.utimeSync(full, new Date(mtime), new Date(mtime));
  }

  /** Puts something on the server's disk. */
  put(path: string, text: string | null, mtime = MTIME): void {
    const bytes = new TextEncoder().encode(text ?? "");
    const kind = text === null ? "folder" : "file";
    this.disk.set(path, { kind, bytes, mtime });
  }

  /** Runs a command there. */
  run(command: Command, ...argv: string[]): Promise<Played> {
    return play(command, argv, (server) => this.disk.serve(server));
  }

  /** What is here: paths with their texts, folders with a slash. */
  here(folder = ""): Texts {
    const texts: Texts = {};
    const entries = [...Deno.readDirSync(join(this.path, folder))];
    for (const { name, isDirectory, isFile } of entries) {
      const path = folder + name;
      if (isDirectory) {
        texts[`${path}/`] = null;
        Object.assign(texts, this.here(`${path}/`));
      } else if (isFile) {
        texts[path] = Deno.readTextFileSync(join(this.path, path));
      }
    }
    return texts;
  }

  /** What is on the server's disk. */
  there(): Texts {
    const decoder = new TextDecoder();
    return Object.fromEntries(
      this.disk.paths().map((path) => {
        const node = this.disk.get(path.replace(/\/$/, ""))!;
        return [path, path.endsWith("/") ? null : decoder.decode(node.bytes)];
      }),
    );
  }

  [Symbol.dispose](): void {
    Deno.chdir(this.#before);
    this.#folder[Symbol.dispose]();
  }
}
