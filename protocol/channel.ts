/**
 * Frames over a connection: the only protocol file that waits. It moves whole
 * frames in both directions, gathers small ones into one write, and turns
 * every way a connection can end into one error. Who may say what, and when a
 * peer has been silent for too long, is decided by its user.
 */

import { NetdiskError, ProtocolError } from "./errors.ts";
import {
  type Frame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameKind,
  type FrameLimits,
  writeFrameHeader,
} from "./frame.ts";
import { encodeMessage, type Message } from "./messages.ts";

/** What a channel needs of a connection; `Deno.Conn` has it, tests fake it. */
export interface ByteConnection {
  read(target: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the stream to the peer. */
  closeWrite?(): Promise<void>;
  /**
   * Under Deno 2.8 this neither ends a read under way on plain TCP nor tells
   * the peer, and a stalled write of TLS stays pending.
   */
  close(): void;
}

/** Queued bytes go out at the latest when there are this many. */
const FLUSH_BYTES = 64 * 1024;

/** Payloads up to this size are cheaper to copy than to write on their own. */
const COPY_BYTES = 16 * 1024;

const EMPTY = new Uint8Array(0);

/** The room that {@link FrameChannel.sendBlock} needs before a payload. */
export const BLOCK_HEADROOM = FRAME_HEADER_BYTES;

/**
 * A connection that speaks in frames. One reader and one writer may work at
 * the same time; a writer awaits each send before the next.
 */
export class FrameChannel {
  #connection: ByteConnection;
  #decoder = new FrameDecoder();
  #queue: Uint8Array = EMPTY;
  #spareQueue: Uint8Array | undefined;
  #queued = 0;
  #writing: Promise<void> | undefined;
  #failure: NetdiskError | undefined;
  #closed = false;
  #reading = false;
  #idle = false;
  #turn: (() => Promise<void> | undefined) | undefined;
  #abortRead: ((reason: NetdiskError) => void) | undefined;
  #abortWrite: ((reason: NetdiskError) => void) | undefined;
  #received = 0;
  #sent = 0;

  constructor(connection: ByteConnection) {
    this.#connection = connection;
  }

  /** Bytes that came in and went out so far, frame headers included. */
  get traffic(): { received: number; sent: number } {
    return { received: this.#received, sent: this.#sent };
  }

  /** True while a read or write waits for the peer to send or to take bytes. */
  get waitsForPeer(): boolean {
    return this.#reading || this.#writing !== undefined;
  }

  /** True while there are bytes that the system has not taken yet. */
  get isSending(): boolean {
    return this.#writing !== undefined || this.#queued > 0;
  }

  /** True when bytes have arrived that no read has returned yet. */
  get holdsMore(): boolean {
    return this.#decoder.heldBytes > 0;
  }

  /** Limits for the frames not read yet. */
  setLimits(limits: FrameLimits): void {
    this.#decoder.setLimits(limits);
  }

  /**
   * From now on `turn` is waited for before each frame: a read that finds bytes
   * lets nobody else have their turn.
   */
  takeTurns(turn: () => Promise<void> | undefined): void {
    this.#turn = turn;
  }

  /** To be waited for between the parts of an answer that takes long. */
  turn(): Promise<void> | undefined {
    return this.#turn?.();
  }

  /**
   * The next frame, or null when the peer ended the stream between two frames.
   * The payload stays valid until the next read, see {@link keep}. What is
   * queued goes out during the wait, so no answer is ever held back. After a
   * write has failed one can still read the peer's last words.
   *
   * @param idle no request is under way: large buffers may be given back.
   * @throws ProtocolError when the bytes break the rules
   * @throws NetdiskError `connection-lost`
   */
  async read(idle = false): Promise<Frame | null> {
    for (;;) {
      const turn = this.turn();
      if (turn) await turn;
      const frame = this.#decoder.next();
      if (frame) return frame;
      this.#idle = idle;
      if (idle) this.#spareQueue = undefined;
      // Not awaited, or two peers that both wait to write would never read.
      // A failure is kept, and the next send tells it.
      if (this.#queued > 0 && !this.#writing) this.flush().catch(() => {});
      if (idle && this.#queued === 0) this.#queue = EMPTY;
      const count = await this.#readSome(this.#decoder.space(idle));
      this.#idle = false;
      if (count === null) {
        this.#decoder.end();
        return null;
      }
      this.#received += count;
      this.#decoder.filled(count);
    }
  }

  /**
   * The next frame if all of it is here; the payload stays valid until the next
   * {@link read}. For whoever takes many small frames: nothing is waited for.
   *
   * @throws ProtocolError as `read` does
   */
  take(): Frame | undefined {
    return this.#decoder.next();
  }

  /** Keeps the last payload valid beyond the next read; see FrameDecoder.keep. */
  keep(): () => void {
    return this.#decoder.keep();
  }

  /** Queues a control message; it leaves with the next flush or read. */
  async send(message: Message): Promise<void> {
    await this.#enqueue(FrameKind.control, encodeMessage(message));
  }

  /** As {@link send}, with a promise only where there is something to wait for. */
  post(message: Message): Promise<void> | undefined {
    return this.#enqueue(FrameKind.control, encodeMessage(message));
  }

  /** As {@link sendBlock}, with a promise only where there is something to wait for. */
  postBlock(block: Uint8Array): Promise<void> | undefined {
    if (block.length - BLOCK_HEADROOM > COPY_BYTES) {
      return this.sendBlock(block);
    }
    return this.#enqueue(FrameKind.data, block.subarray(BLOCK_HEADROOM));
  }

  /**
   * Sends a data frame. `block` is {@link BLOCK_HEADROOM} bytes of room and
   * then the payload; the caller may use it again when the promise resolves.
   */
  async sendBlock(block: Uint8Array): Promise<void> {
    const payload = block.subarray(BLOCK_HEADROOM);
    if (payload.length <= COPY_BYTES) {
      return this.#enqueue(FrameKind.data, payload);
    }
    writeFrameHeader(block, FrameKind.data, payload.length);
    while (this.#queued > 0 || this.#writing) await this.flush();
    await this.#write(block);
  }

  /** Writes out all that is queued. */
  async flush(): Promise<void> {
    while (this.#queued > 0 || this.#writing) {
      if (this.#writing) {
        await this.#writing;
        continue;
      }
      const bytes = this.#queue.subarray(0, this.#queued);
      const full = this.#queue;
      this.#queue = this.#spareQueue ?? EMPTY;
      this.#spareQueue = undefined;
      this.#queued = 0;
      await this.#write(bytes);
      const keeps = !this.#idle && full.length <= 2 * FLUSH_BYTES;
      this.#spareQueue = keeps ? full : undefined;
    }
  }

  /**
   * Closes the connection at once; reads and writes under way and later ones
   * fail with `reason`.
   */
  close(reason: NetdiskError = lost("the connection was closed")): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure ??= reason;
    // Not every runtime ends what is under way, see ByteConnection.close.
    this.#abortRead?.(this.#failure);
    this.#abortWrite?.(this.#failure);
    try {
      this.#connection.closeWrite?.().catch(() => {});
      this.#connection.close();
    } catch {
      // Closed by the runtime already: that is what was wanted.
    }
  }

  #enqueue(kind: FrameKind, payload: Uint8Array): Promise<void> | undefined {
    if (this.#failure) throw this.#failure;
    const from = this.#queued;
    const end = from + FRAME_HEADER_BYTES + payload.length;
    if (end > this.#queue.length) {
      const larger = new Uint8Array(Math.max(256, 2 * end));
      larger.set(this.#queue.subarray(0, from));
      this.#queue = larger;
    }
    writeFrameHeader(this.#queue.subarray(from), kind, payload.length);
    this.#queue.set(payload, from + FRAME_HEADER_BYTES);
    this.#queued = end;
    return end >= FLUSH_BYTES ? this.flush() : undefined;
  }

  async #readSome(target: Uint8Array): Promise<number | null> {
    if (this.#closed) throw this.#fail(undefined);
    this.#reading = true;
    try {
      return await new Promise((resolve, reject) => {
        this.#abortRead = reject;
        this.#connection.read(target).then(resolve, reject);
      });
    } catch (cause) {
      throw this.#fail(cause);
    } finally {
      this.#reading = false;
    }
  }

  #write(bytes: Uint8Array): Promise<void> {
    this.#writing = this.#writeAll(bytes).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#failure) throw this.#failure;
      try {
        const count: number = await new Promise((resolve, reject) => {
          this.#abortWrite = reject;
          this.#connection.write(bytes.subarray(at)).then(resolve, reject);
        });
        at += count;
        this.#sent += count;
      } catch (cause) {
        throw this.#fail(cause);
      }
    }
  }

  #fail(cause: unknown): NetdiskError {
    this.#failure ??= toConnectionError(cause);
    return this.#failure;
  }
}

function toConnectionError(cause: unknown): NetdiskError {
  if (cause instanceof Deno.errors.InvalidData) {
    // The words of rustls; its other complaints are about certificates, ALPN, ...
    if (!cause.message.includes("corrupt message")) {
      return lost(`TLS failed: ${cause.message}`, cause);
    }
    return new ProtocolError("bad-kind", "the peer does not speak TLS", {
      cause,
    });
  }
  return lost("the connection was lost", cause);
}

function lost(message: string, cause?: unknown): NetdiskError {
  return new NetdiskError(
    "connection-lost",
    message,
    cause === undefined ? {} : { cause },
  );
}
