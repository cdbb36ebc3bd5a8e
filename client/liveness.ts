/**
 * Whether the server at the other end is still there, and how it learns that we
 * are (SPEC.md 9). Times are in milliseconds of any one clock.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import { FRAME_HEADER_BYTES } from "../protocol/frame.ts";
import { encodeMessage, type Request } from "../protocol/messages.ts";

/** Without a sign of life from a server that owes an answer. */
const SILENCE_MS = 120_000;

/** A sign of life is a frame, or so many bytes of one, in either direction. */
const LIFE_BYTES = 1024;

/**
 * For the server's greeting and its word about the session: neither takes it any
 * time, and a byte now and then does not extend it.
 */
const GREETING_MS = 30_000;

/** The server hears of an idle client at least this often. */
const ALIVE_MS = 25_000;

const ALIVE: Request = { type: "waiting" };
const ALIVE_BYTES = FRAME_HEADER_BYTES + encodeMessage(ALIVE).length;

/** What a channel tells of itself. */
type Channel = Pick<
  FrameChannel,
  "traffic" | "waitsForPeer" | "isSending" | "send" | "flush"
>;

/** Watches over one connection; to be looked at about once a second. */
export class Liveness {
  #channel: Channel;
  /** Since when the greeting is waited for. */
  #listensSince = Infinity;
  #frames = 0;
  #framesSeen = 0;
  #moved = 0;
  #silentSince: number;
  #sent = 0;
  #sentAt: number;
  #aliveBytes = 0;

  constructor(channel: Channel, now: number) {
    this.#channel = channel;
    this.#silentSince = now;
    this.#sentAt = now;
  }

  /** A whole frame has come. */
  heard(): void {
    this.#frames++;
  }

  /** The greeting is due from now on. */
  expectGreeting(now: number): void {
    this.#listensSince = now;
  }

  /** It has come. */
  greeted(): void {
    this.#listensSince = Infinity;
  }

  /** Why the server is to be given up now, if it is. */
  check(now: number): string | undefined {
    if (now - this.#listensSince > GREETING_MS) {
      return `the server has not greeted within ${GREETING_MS / 1000} s`;
    }
    const { received, sent } = this.#channel.traffic;
    // What only says that we are there does not say it of the server.
    const traffic = received + sent - this.#aliveBytes;
    const isAlive = traffic - this.#moved >= LIFE_BYTES ||
      this.#frames !== this.#framesSeen;
    if (isAlive || !this.#channel.waitsForPeer) {
      this.#moved = traffic;
      this.#framesSeen = this.#frames;
      this.#silentSince = now;
    }
    return now - this.#silentSince > SILENCE_MS
      ? `the server has been silent for ${SILENCE_MS / 1000} s`
      : undefined;
  }

  /** Whether it is time to {@link tell}. */
  isDue(now: number): boolean {
    const { sent } = this.#channel.traffic;
    if (sent !== this.#sent || this.#channel.isSending) {
      this.#sent = sent;
      this.#sentAt = now;
    }
    return now - this.#sentAt > ALIVE_MS;
  }

  /**
   * Lets the server know that we are there, once it has accepted the session.
   *
   * @param isOurTurn the server waits for us: so far it has owed nothing
   */
  tell(isOurTurn: boolean, now: number): void {
    this.#aliveBytes += ALIVE_BYTES;
    if (isOurTurn) this.#silentSince = now;
    // Whoever reads the answers learns of a lost connection by itself.
    this.#channel.send(ALIVE).catch(() => {});
    this.#channel.flush().catch(() => {});
  }
}
