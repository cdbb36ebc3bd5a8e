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
const TCP_USER_TIMEOUT = 18;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SHUT_RDWR = 2;
const RLIMIT_NOFILE = 7;

/** A `struct sockaddr_in6`, the longer of the two that TCP has. */
const SOCKET_ADDRESS_BYTES = 28;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  syscall: { parameters: ["i64", "i64", "buffer", "u64"], result: "i64" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // Takes as long as the disk does: on a thread of its own.
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const encoder = new TextEncoder();

/** The C library of Linux. */
export class Libc {
  #symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  #numbers: Numbers;
  #socketAddress = new Uint8Array(SOCKET_ADDRESS_BYTES);
  #view = new DataView(this.#socketAddress.buffer);
  #length = new Uint32Array(1);

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
    this.#setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  }

  /**
   * Ends a connection whose peer takes nothing that was sent for so many
   * milliseconds. @throws Error with an errno
   */
  setUserTimeout(fd: number, ms: number): void {
    this.#setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
  }

  /** Lets what a socket has not sent yet vanish when it closes. @throws Error with an errno */
  setReset(fd: number): void {
    this.#setOption(fd, SOL_SOCKET, SO_LINGER, 1, 0);
  }

  /** Ends a connection, whoever still waits for it. @throws Error with an errno */
  shutdown(fd: number): void {
    this.#check(this.#symbols.shutdown(fd, SHUT_RDWR));
  }

  /** Makes `target` another number for what `fd` is. @throws Error with an errno */
  duplicate(fd: number, target: number): void {
    this.#check(this.#symbols.dup3(fd, target, O_CLOEXEC));
  }

  /**
   * The other end of a connection as a `struct sockaddr`, valid until the next
   * call; undefined for what is none.
   */
  peerAddress(fd: number): DataView | undefined {
    return this.#address("getpeername", fd);
  }

  /** The same for its own end. */
  ownAddress(fd: number): DataView | undefined {
    return this.#address("getsockname", fd);
  }

  /** How many descriptors the process may have, and may allow itself. @throws Error with an errno */
  descriptorLimit(): { soft: bigint; hard: bigint } {
    const limits = new BigUint64Array(2);
    this.#check(this.#symbols.getrlimit(RLIMIT_NOFILE, limits));
    return { soft: limits[0]!, hard: limits[1]! };
  }

  /** @throws Error with an errno */
  setDescriptorLimit(soft: bigint, hard: bigint): void {
    const limits = BigUint64Array.of(soft, hard);
    this.#check(this.#symbols.setrlimit(RLIMIT_NOFILE, limits));
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }

  #setOption(
    fd: number,
    level: number,
    name: number,
    ...value: number[]
  ): void {
    const bytes = new Uint8Array(Int32Array.from(value).buffer);
    this.#check(
      this.#symbols.setsockopt(fd, level, name, bytes, bytes.length),
    );
  }

  #address(
    call: "getpeername" | "getsockname",
    fd: number,
  ): DataView | undefined {
    this.#length[0] = SOCKET_ADDRESS_BYTES;
    const ask = this.#symbols[call];
    const found = ask(fd, this.#socketAddress, this.#length) === 0;
    return found ? this.#view : undefined;
  }

  #check(result: number): number {
    if (result >= 0) return result;
    const pointer = this.#symbols.__errno_location()!;
    const errno = new Deno.UnsafePointerView(pointer).getInt32();
    throw errnoError(getSystemErrorName(-errno));
  }
}
