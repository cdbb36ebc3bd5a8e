/**
 * A connection without a network: what one end writes, the other reads, in
 * pieces of any size, with the failures that real connections have.
 */

import type { ByteConnection } from "../../protocol/channel.ts";

export interface MemoryOptions {
  /** Bytes that are on their way before a write waits. @default 65536 */
  capacity?: number;
  /** The most bytes that the next read gives. */
  readSize?: () => number;
  /** The most bytes that the next write takes. */
  writeSize?: () => number;
  /** `close` leaves what is under way waiting for ever, as Deno 2.8 may. */
  closeLeavesPending?: boolean;
}

/** Both ends of a connection. */
export function memoryPair(
  options: MemoryOptions = {},
): [MemoryConn, MemoryConn] {
  const there = new Pipe(options.capacity ?? 65536);
  const back = new Pipe(options.capacity ?? 65536);
  return [
    new MemoryConn(back, there, options),
    new MemoryConn(there, back, options),
  ];
}

/** One end of a connection. */
export class MemoryConn implements ByteConnection {
  #incoming: Pipe;
  #outgoing: Pipe;
  #options: MemoryOptions;
  #aborted = Promise.withResolvers<never>();
  #readFault: Error | undefined;
  #writeFault: Error | undefined;
  #writesLeft = Infinity;

  constructor(incoming: Pipe, outgoing: Pipe, options: MemoryOptions) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#options = options;
    this.#aborted.promise.catch(() => {});
  }

  read(target: Uint8Array): Promise<number | null> {
    if (target.length === 0) throw new TypeError("a read needs room");
    if (this.#readFault) return Promise.reject(this.#readFault);
    const size = Math.max(1, this.#options.readSize?.() ?? target.length);
    return this.#orAborted(this.#incoming.take(target.subarray(0, size)));
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writesLeft-- <= 0) return Promise.reject(this.#writeFault);
    const size = Math.max(1, this.#options.writeSize?.() ?? bytes.length);
    return this.#orAborted(this.#outgoing.put(bytes.subarray(0, size)));
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    this.#outgoing.end();
    this.#incoming.leave();
    this.#readFault ??= new Deno.errors.BadResource("closed");
    this.#writeFault ??= this.#readFault;
    this.#writesLeft = 0;
    if (!this.#options.closeLeavesPending) {
      this.#aborted.reject(new Deno.errors.Interrupted("canceled"));
    }
  }

  /** Lets reads fail from now on. */
  breakReads(fault: Error): void {
    this.#readFault = fault;
    this.#aborted.reject(fault);
  }

  /** Lets writes fail once `count` more have succeeded. */
  breakWrites(fault: Error, count = 0): void {
    this.#writeFault = fault;
    this.#writesLeft = count;
  }

  #orAborted<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    return Promise.race([work, this.#aborted.promise]);
  }
}

/** One direction. */
class Pipe {
  #held: Uint8Array;
  #count = 0;
  #ended = false;
  #left = false;
  #changed = Promise.withResolvers<void>();

  constructor(capacity: number) {
    this.#held = new Uint8Array(capacity);
  }

  /** Copies as much as there is room for, at the latest possible moment. */
  async put(bytes: Uint8Array): Promise<number> {
    await Promise.resolve();
    while (this.#count === this.#held.length && !this.#left) {
      await this.#changed.promise;
    }
    if (this.#left) throw new Deno.errors.BrokenPipe("the reader has left");
    const part = bytes.subarray(0, this.#held.length - this.#count);
    this.#held.set(part, this.#count);
    this.#count += part.length;
    this.#tell();
    return part.length;
  }

  async take(target: Uint8Array): Promise<number | null> {
    while (this.#count === 0 && !this.#ended) await this.#changed.promise;
    if (this.#count === 0) return null;
    const count = Math.min(this.#count, target.length);
    target.set(this.#held.subarray(0, count));
    this.#held.copyWithin(0, count, this.#count);
    this.#count -= count;
    this.#tell();
    return count;
  }

  end(): void {
    this.#ended = true;
    this.#tell();
  }

  leave(): void {
    this.#left = true;
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
