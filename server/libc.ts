/**
 * What Deno has no function for, asked of the C library. Only the main thread
 * may: whoever can call into a library is in no sandbox.
 */

import { getSystemErrorName } from "node:util";
import { errnoError } from "./os_errors.ts";

/** What differs from one processor to the other. */
interface Numbers {
  /** Of the system call: glibc has a function for it since 2.30 only. */
  getdents64: bigint;
  directory: number;
  noFollow: number;
}

const NUMBERS: Partial<Record<string, Numbers>> = {
  x86_64: { getdents64: 217n, directory: 0o200000, noFollow: 0o400000 },
  aarch64: { getdents64: 61n, directory: 0o40000, noFollow: 0o100000 },
};

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  syscall: { parameters: ["i64", "i64", "buffer", "u64"], result: "i64" },
  // Takes as long as the disk does: on a thread of its own.
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const encoder = new TextEncoder();

/** The C library of Linux. */
export class Libc {
  #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  #numbers: Numbers;

  private constructor(numbers: Numbers) {
    this.#symbols = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
    this.#numbers = numbers;
  }

  /** Undefined where there is none, or another one than glibc. */
  static load(): Libc | undefined {
    const numbers = NUMBERS[Deno.build.arch];
    if (Deno.build.os !== "linux" || !numbers) return undefined;
    try {
      return new Libc(numbers);
    } catch {
      return undefined;
    }
  }

  /** Opens a folder, not a link to one. @throws Error with an errno */
  openFolder(path: string): number {
    const { directory, noFollow } = this.#numbers;
    const flags = directory | noFollow | O_CLOEXEC | O_NONBLOCK;
    return this.#check(
      this.#symbols.open(encoder.encode(`${path}\0`), flags),
    );
  }

  /**
   * Fills `target` with whole `struct linux_dirent64` (getdents64(2)); 0 at the
   * end of the folder.
   *
   * @throws Error with an errno
   */
  readFolder(fd: number, target: Uint8Array<ArrayBuffer>): number {
    const { getdents64 } = this.#numbers;
    const length = BigInt(target.length);
    const filled = this.#symbols.syscall(
      ...[getdents64, BigInt(fd), target, length] as const,
    );
    return this.#check(Number(filled));
  }

  /** Not 0 when something could not be written since the last call for `fd`. */
  async syncfs(fd: number): Promise<number> {
    return await this.#symbols.syncfs(fd);
  }

  /** Lets a socket send small pieces at once. @throws Error with an errno */
  setNoDelay(fd: number): void {
    const on = new Uint8Array(Int32Array.of(1).buffer);
    this.#check(
      this.#symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, on.length),
    );
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }

  #check(result: number): number {
    if (result >= 0) return result;
    const pointer = this.#symbols.__errno_location()!;
    const errno = new Deno.UnsafePointerView(pointer).getInt32();
    throw errnoError(getSystemErrorName(-errno));
  }
}
