/**
 * What is in a local folder, names that are no text included: Deno leaves them
 * out without a word (up to 2.6), and nobody would know that they were not
 * uploaded. On Linux the C library is asked; elsewhere every name is text.
 */

/** What Deno says of an entry. */
export type FolderEntry = Pick<
  Deno.DirEntry,
  "name" | "isFile" | "isDirectory" | "isSymlink"
>;

export interface FolderEntries {
  entries: FolderEntry[];
  /** Names that are not UTF-8, with a mark for each byte that is none. */
  unreadable: string[];
}

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "buffer", "u64"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The system call getdents64, and the flag O_DIRECTORY. */
const NUMBERS: Partial<Record<string, { call: bigint; directory: number }>> = {
  x86_64: { call: 217n, directory: 0o200000 },
  aarch64: { call: 61n, directory: 0o40000 },
};

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;

/** Behind two numbers of 8 bytes, a `struct linux_dirent64` has its length, its type and its name. */
const LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;
const TYPES: Partial<Record<number, keyof FolderEntry>> = {
  4: "isDirectory",
  8: "isFile",
  10: "isSymlink",
};
const UNKNOWN_TYPE = 0;

const PAGE_BYTES = 64 * 1024;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const page = new Uint8Array(PAGE_BYTES);
const view = new DataView(page.buffer);

/** Reads one folder after the other. */
export class FolderReader implements Disposable {
  #libc = loadLibc();

  /** @throws what `Deno.readDirSync` throws */
  read(path: string): FolderEntries {
    const found = this.#libc && readNative(this.#libc, path);
    if (found) return found;
    return { entries: [...Deno.readDirSync(path)], unreadable: [] };
  }

  [Symbol.dispose](): void {
    this.#libc?.close();
    this.#libc = undefined;
  }
}

/** Undefined where there is none, or another one than glibc. */
function loadLibc(): Libc | undefined {
  if (Deno.build.os !== "linux" || !NUMBERS[Deno.build.arch]) return undefined;
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    return undefined;
  }
}

/** Undefined when it fails: then Deno says why. */
function readNative(
  { symbols: libc }: Libc,
  path: string,
): FolderEntries | undefined {
  const { call, directory } = NUMBERS[Deno.build.arch]!;
  const flags = directory | O_CLOEXEC | O_NONBLOCK;
  const fd = libc.open(encoder.encode(`${path}\0`), flags);
  if (fd < 0) return undefined;
  try {
    const found: FolderEntries = { entries: [], unreadable: [] };
    for (;;) {
      const filled = Number(
        libc.syscall(call, BigInt(fd), page, BigInt(PAGE_BYTES)),
      );
      if (filled < 0) return undefined;
      if (filled === 0) return found;
      for (let at = 0; at < filled;) at += take(path, at, found);
    }
  } finally {
    libc.close(fd);
  }
}

/** Takes one entry of the page, and says how long it is. */
function take(folder: string, at: number, found: FolderEntries): number {
  const length = view.getUint16(at + LENGTH_AT, true);
  const start = at + NAME_AT;
  const bytes = page.subarray(start, page.indexOf(0, start));
  let name: string;
  try {
    name = strict.decode(bytes);
  } catch {
    found.unreadable.push(lenient.decode(bytes));
    return length;
  }
  if (name === "." || name === "..") return length;
  const type = view.getUint8(at + TYPE_AT);
  const entry = type === UNKNOWN_TYPE ? lookAt(folder, name) : {
    name,
    isFile: false,
    isDirectory: false,
    isSymlink: false,
  };
  const kind = TYPES[type];
  found.entries.push(kind ? { ...entry, [kind]: true } : entry);
  return length;
}

/** Some file systems do not tell the kind with the name. */
function lookAt(folder: string, name: string): FolderEntry {
  try {
    const { isFile, isDirectory, isSymlink } = Deno.lstatSync(
      `${folder}/${name}`,
    );
    return { name, isFile, isDirectory, isSymlink };
  } catch {
    // Whoever wants it meets the failure again.
    return { name, isFile: true, isDirectory: false, isSymlink: false };
  }
}
