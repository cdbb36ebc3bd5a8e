/**
 * Network namespaces with a TUN device in each, through libc. Both last as long
 * as the process that made them, so nothing is left when it ends. Linux and root
 * only.
 */

import { VNET_HEADER_BYTES } from "./packet.ts";

const O_RDONLY = 0;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const CLONE_NEWNET = 0x4000_0000;
const TUNSETIFF = 0x4004_54can;
const TUNSETOFFLOAD = 0x4004_54d0n;
/** Whole IP packets, each after a {@link VNET_HEADER_BYTES} and nothing else. */
const DEVICE_FLAGS = 0x0001 | 0x1000 | 0x4000;
/** Checksums and cutting into segments are left to the other side, IPv4 only. */
const OFFLOADS = 0x01n | 0x02n;
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_AT = 16;
const POLLIN = 1;
const POLLFD_BYTES = 8;
const TIMESPEC_BYTES = 16;

/** The largest that a device gives at a time. */
const MAX_PACKET_BYTES = VNET_HEADER_BYTES + 65_536;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctl_value: {
    name: "ioctl",
    parameters: ["i32", "u64", "u64"],
    result: "i32",
  },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  ppoll: { parameters: ["buffer", "u64", "buffer", "pointer"], result: "i32" },
} as const;

const libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;

/** Moves the calling thread into a new network namespace; gives a path to it for `nsenter`. */
export function enterNewNamespace(): string {
  check("unshare", libc.unshare(CLONE_NEWNET));
  // The descriptor stays open: it keeps the namespace after the next call.
  const fd = openFile("/proc/thread-self/ns/net", O_RDONLY);
  return `/proc/${Deno.pid}/fd/${fd}`;
}

/** A TUN device in the namespace that the thread was in when it was made. */
export class Tun {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(MAX_PACKET_BYTES);

  constructor(name: string) {
    this.#fd = openFile("/dev/net/tun", O_RDWR | O_NONBLOCK);
    const request = new Uint8Array(IFREQ_BYTES);
    request.set(new TextEncoder().encode(name));
    new DataView(request.buffer).setUint16(IFREQ_FLAGS_AT, DEVICE_FLAGS, true);
    check("TUNSETIFF", libc.ioctl(this.#fd, TUNSETIFF, request));
    check(
      "TUNSETOFFLOAD",
      libc.ioctl_value(this.#fd, TUNSETOFFLOAD, OFFLOADS),
    );
  }

  /** A packet that the kernel sends, in memory of its own; none if there is none now. */
  read(): Uint8Array<ArrayBuffer> | undefined {
    const size = BigInt(MAX_PACKET_BYTES);
    const count = Number(libc.read(this.#fd, this.#buffer, size));
    return count > 0 ? this.#buffer.slice(0, count) : undefined;
  }

  /** Gives the kernel a packet to receive; it may drop it, as any device's. */
  write(packet: Uint8Array<ArrayBuffer>): void {
    libc.write(this.#fd, packet, BigInt(packet.length));
  }

  /** Blocks the thread until one of them has a packet, or for so many milliseconds. */
  static wait(devices: readonly Tun[], ms: number): void {
    const polled = new DataView(
      new ArrayBuffer(POLLFD_BYTES * devices.length),
    );
    for (const [index, device] of devices.entries()) {
      polled.setInt32(POLLFD_BYTES * index, device.#fd, true);
      polled.setInt16(POLLFD_BYTES * index + 4, POLLIN, true);
    }
    const time = new DataView(new ArrayBuffer(TIMESPEC_BYTES));
    time.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
    time.setBigInt64(8, BigInt(Math.floor(ms % 1000 * 1e6)), true);
    libc.ppoll(polled.buffer, BigInt(devices.length), time.buffer, null);
  }
}

function openFile(path: string, flags: number): number {
  const name = new TextEncoder().encode(`${path}\0`);
  return check(`open ${path}`, libc.open(name, flags));
}

function check(what: string, result: number): number {
  if (result >= 0) return result;
  throw new Error(`${what} failed; is this root, and is there /dev/net/tun?`);
}
