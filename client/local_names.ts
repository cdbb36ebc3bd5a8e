/** Names of the server that this machine cannot store, or not beside each other. */

import { join } from "@std/path";
import { windowsNameFault } from "../protocol/windows_names.ts";

/** Why the system cannot store a legal remote name. A name that is too long is refused by the disk. */
export function localNameFault(
  name: string,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  return os === "windows" ? windowsNameFault(name) : undefined;
}

/** Whether a folder takes two names for one. */
export type NameProbe = (folder: string, a: string, b: string) => boolean;

/** Asks the file system: it alone knows its rules. */
export function isOneName(folder: string, a: string, b: string): boolean {
  const probe = Deno.makeTempDirSync({ dir: folder, prefix: ".netdisk-" });
  try {
    Deno.writeFileSync(join(probe, a), new Uint8Array(0), { createNew: true });
    return [...Deno.readDirSync(probe)].length === 1 && isThere(join(probe, b));
  } finally {
    Deno.removeSync(probe, { recursive: true });
  }
}

/** As `isOneName` where the first name is there, without writing anything. */
export function isOneFile(folder: string, there: string, b: string): boolean {
  try {
    const one = Deno.lstatSync(join(folder, there));
    const other = Deno.lstatSync(join(folder, b));
    // Some systems number no files; then that both are there must do.
    return one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false;
  }
}

/** What is left of a name where neither case nor composition counts. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The names of one remote folder that a local one is to have. */
export class FolderNames {
  readonly #folder: string;
  readonly #probe: NameProbe;
  /** By what is left of a name where neither case nor composition counts. */
  #names = new Map<string, string>();

  constructor(folder: string, probe: NameProbe) {
    this.#folder = folder;
    this.#probe = probe;
  }

  /** The name whose place this one would take, if there is one. */
  clash(name: string): string | undefined {
    const folded = foldName(name);
    const other = this.#names.get(folded);
    if (other === undefined) this.#names.set(folded, name);
    if (other === undefined || other === name) return undefined;
    return this.#probe(this.#folder, other, name) ? other : undefined;
  }
}

/** Whether anything has the name, be it a link that leads nowhere. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
