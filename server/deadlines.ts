/**
 * When a peer has been silent for too long (SPEC.md 9). Judged by the bytes
 * that moved between two looks, so that it costs a transfer nothing.
 */

/** From accepting a connection to a session, in milliseconds. */
export const LOGIN_MS = 20_000;

/** Without a byte from a client that has no request under way. */
export const IDLE_MS = 90_000;

/** ... until it is asked whether it is still there. */
export const PING_MS = 30_000;

/** Without a byte moving while a request is under way. */
export const STALLED_MS = 60_000;

/** What there is to know about a connection at one moment. */
export interface ConnectionState {
  loggedIn: boolean;
  /** No request is under way. */
  idle: boolean;
  /** The connection waits for the peer, not for the disk. */
  waitsForPeer: boolean;
  /** Bytes received and sent so far. */
  moved: number;
}

/** The clock of one connection. Times are in milliseconds of any one clock. */
export class Deadline {
  #accepted: number;
  #lastMove: number;
  #moved = 0;

  constructor(now: number) {
    this.#accepted = now;
    this.#lastMove = now;
  }

  /** The reason to drop the connection now, if there is one. */
  check(state: ConnectionState, now: number): string | undefined {
    if (!state.loggedIn) {
      return now - this.#accepted > LOGIN_MS
        ? `no login within ${LOGIN_MS / 1000} s`
        : undefined;
    }
    if (state.moved !== this.#moved || !state.waitsForPeer) {
      this.#moved = state.moved;
      this.#lastMove = now;
      return undefined;
    }
    const limit = state.idle ? IDLE_MS : STALLED_MS;
    if (now - this.#lastMove <= limit) return undefined;
    return state.idle
      ? `idle for ${limit / 1000} s`
      : `no byte moved for ${limit / 1000} s`;
  }
}
