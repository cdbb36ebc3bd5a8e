/**
 * Frames: how bytes on a stream become messages (SPEC.md 2). Pure: bytes in,
 * frames out, no I/O and no waiting. What a frame says is messages.ts's
 * business, moving bytes is channel.ts's.
 */

import { ProtocolError } from "./errors.ts";

/** 4 bytes of payload length, big-endian, then 1 byte of kind. */
export const FRAME_HEADER_BYTES = 5;

/** Largest control payload: a page of a listing fits, a flood does not. */
export const MAX_CONTROL_BYTES = 64 * 1024;

/**
 * Largest control payload before login: strangers get little room. The longest
 * legal `register` fits unless its password is made of control characters.
 */
export const MAX_CONTROL_BYTES_BEFORE_LOGIN = 4 * 1024;

/** Largest data payload: longer ones bring no speed, and each connection may hold two. */
export const MAX_DATA_BYTES = 1024 * 1024;

/** The kinds of frame; every other value is refused. */
export const FrameKind = { control: 1, data: 2 } as const;
export type FrameKind = typeof FrameKind[keyof typeof FrameKind];

/** One whole frame. The decoder owns the payload's bytes: see {@link FrameDecoder.next}. */
export interface Frame {
  kind: FrameKind;
  payload: Uint8Array;
}

/** The longest payload of each kind, in bytes, that a decoder accepts. */
export interface FrameLimits {
  control: number;
  data: number;
}

/** The limits of SPEC.md 2 for a connection that has logged in. */
export const FRAME_LIMITS: FrameLimits = {
  control: MAX_CONTROL_BYTES,
  data: MAX_DATA_BYTES,
};

/** A connection that waits between requests holds no more than this. */
const IDLE_BUFFER_BYTES = 512;

/** What a busy connection reads into; TLS yields 16 KiB a read, plain TCP more. */
const BUSY_BUFFER_BYTES = 64 * 1024;

const EMPTY = new Uint8Array(0);

/**
 * Writes the header of a frame with `length` bytes of payload at the start of
 * `target`.
 *
 * @throws RangeError for a length that every peer refuses
 */
export function writeFrameHeader(
  target: Uint8Array,
  kind: FrameKind,
  length: number,
): void {
  const limit = kind === FrameKind.control ? MAX_CONTROL_BYTES : MAX_DATA_BYTES;
  if (length < 1 || length > limit) {
    throw new RangeError(`a frame of ${length} bytes cannot be sent`);
  }
  target[0] = length >>> 24;
  target[1] = length >>> 16;
  target[2] = length >>> 8;
  target[3] = length;
  target[4] = kind;
}

/** Returns header and payload in one new array. */
export function encodeFrame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(bytes, kind, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/**
 * Cuts a stream of bytes into frames, however the bytes arrive. The reader puts
 * bytes where {@link space} says, reports them with {@link filled} and takes
 * frames from {@link next} until it gives none: a payload is never copied
 * between the connection and its consumer.
 *
 * A violation is sticky: after the first one every later call repeats it.
 */
export class FrameDecoder {
  #limits: FrameLimits;
  #buffer: Uint8Array = EMPTY;
  #spare: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  #window = IDLE_BUFFER_BYTES;
  #failure: ProtocolError | undefined;

  constructor(limits: FrameLimits = FRAME_LIMITS) {
    this.#limits = limits;
  }

  /** Sets other limits for the frames that follow, as login does. */
  setLimits(limits: FrameLimits): void {
    this.#limits = limits;
  }

  /** Bytes that have arrived and are not part of a frame taken yet. */
  get heldBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Where the next bytes of the stream belong; never empty. Invalidates the
   * payloads handed out before, unless {@link keep} saved them. With `idle` a
   * decoder that holds nothing gives its large buffers back.
   */
  space(idle = false): Uint8Array {
    const held = this.heldBytes;
    if (held === 0 && idle) {
      this.#spare = undefined;
      if (this.#buffer.length > IDLE_BUFFER_BYTES) {
        this.#buffer = EMPTY;
      }
      this.#window = IDLE_BUFFER_BYTES;
    }
    const room = Math.max(this.#frameBytes(), this.#window);
    if (this.#start + room > this.#buffer.length) {
      const target = room > this.#buffer.length
        ? new Uint8Array(room)
        : this.#buffer;
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#start = 0;
      this.#end = held;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Reports that `count` bytes of {@link space} hold data now. */
  filled(count: number): void {
    this.#end += count;
    if (this.#end === this.#buffer.length) this.#window = BUSY_BUFFER_BYTES;
  }

  /**
   * The next whole frame, or undefined when more bytes are needed. Its payload
   * is a view that stays valid until the next {@link space}.
   *
   * @throws ProtocolError `too-long`, `bad-kind` or `empty`, before a byte of
   * the payload has been waited for.
   */
  next(): Frame | undefined {
    if (this.#failure) throw this.#failure;
    if (this.heldBytes < FRAME_HEADER_BYTES) return undefined;
    const { kind, length } = this.#header();
    const from = this.#start + FRAME_HEADER_BYTES;
    if (this.#end < from + length) return undefined;
    this.#start = from + length;
    return { kind, payload: this.#buffer.subarray(from, from + length) };
  }

  /**
   * Keeps the payloads handed out so far valid until the returned function is
   * called, so that a write to disk can run while the next bytes arrive. Calling
   * it again does nothing.
   */
  keep(): () => void {
    const kept = this.#buffer;
    let held: Uint8Array | undefined = kept;
    const next = this.#spare && this.#spare.length >= kept.length
      ? this.#spare
      : new Uint8Array(kept.length);
    this.#spare = undefined;
    next.set(kept.subarray(this.#start, this.#end));
    this.#end = this.heldBytes;
    this.#start = 0;
    this.#buffer = next;
    return () => {
      this.#spare = held ?? this.#spare;
      held = undefined;
    };
  }

  /**
   * Reports the end of the stream.
   *
   * @throws ProtocolError `cut-short` when a frame was under way.
   */
  end(): void {
    if (this.#failure) throw this.#failure;
    if (this.heldBytes > 0) {
      throw this.#fail(
        "cut-short",
        `the stream ended ${this.heldBytes} bytes into a frame`,
      );
    }
  }

  /** The size of the frame under way, header included, as far as it is known. */
  #frameBytes(): number {
    if (this.#failure || this.heldBytes < FRAME_HEADER_BYTES) {
      return FRAME_HEADER_BYTES;
    }
    return FRAME_HEADER_BYTES + this.#header().length;
  }

  #header(): { kind: FrameKind; length: number } {
    const b = this.#buffer;
    const at = this.#start;
    const length = ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) |
      b[at + 3]!) >>> 0;
    const kind = b[at + 4]! as FrameKind;
    if (isTlsRecord(b[at]!, b[at + 1]!)) {
      throw this.#fail(
        "bad-kind",
        "the peer speaks TLS here, not plain netdisk",
      );
    }
    if (kind !== FrameKind.control && kind !== FrameKind.data) {
      throw this.#fail("bad-kind", `frame kind ${kind} is unknown`);
    }
    const limit = kind === FrameKind.control
      ? this.#limits.control
      : this.#limits.data;
    if (length > limit) {
      throw this.#fail(
        "too-long",
        `a frame of ${length} bytes is over the limit of ${limit}`,
      );
    }
    if (length === 0) throw this.#fail("empty", "a frame carries no payload");
    return { kind, length };
  }

  #fail(
    violation: "bad-kind" | "too-long" | "empty" | "cut-short",
    message: string,
  ): ProtocolError {
    this.#failure = new ProtocolError(violation, message);
    return this.#failure;
  }
}

/** Handshake or alert of TLS 1.x: as a length it would be over 350 MB. */
function isTlsRecord(first: number, second: number): boolean {
  return (first === 0x16 || first === 0x15) && second === 0x03;
}
