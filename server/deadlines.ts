/**
 * When a peer has taken too long (SPEC.md 9). Judged by looks at the connection
 * once a second, so that it costs a transfer nothing. Only the time in which the
 * connection waits for the peer counts: not that of our disk, of a password that
 * is being hashed, or of other connections whose turn it is.
 */

/** From accepting a connection to the end of its TLS handshake, in milliseconds. */
export const HANDSHAKE_MS = 10_000;

/** From accepting a connection to a session, in milliseconds. */
export const LOGIN_MS = 20_000;

/** Without a byte from a client that has no request under way. */
export const IDLE_MS = 90_000;

/** ... until it is asked whether it is still there. */
export const PING_MS = 30_000;

/** Without a byte moving while a request is under way. */
export const STALLED_MS = 60_000;

/** The time over which the rate of a transfer is measured. */
export const RATE_MS = 60_000;

/** Bytes a second that a transfer has to come to, unless `serve --min-rate` says otherwise. */
export const DEFAULT_MIN_RATE = 1024;

/** Bytes a millisecond at which a client has to read what it compares. */
const COMPARE_RATE = 1000;

/** What the connection is at: each has deadlines of its own. */
export type Phase =
  | "handshake"
  /** Nobody has logged in. */
  | "stranger"
  | "idle"
  /** A part of the next request is here. */
  | "request"
  /** A request is under way. */
  | "transfer";

/** What there is to know about a connection at one moment. */
export interface ConnectionState {
  phase: Phase;
  /** The connection waits for the peer, not for us. */
  waitsForPeer: boolean;
  /** Bytes received and sent so far. */
  received: number;
  sent: number;
  /** Those of them that say only that the client is alive. */
  waitingBytes?: number;
  /** Bytes that the client compares with its own file, while it does. */
  comparing?: number | undefined;
  /** The client waits itself: it has sent all that its pipe has given. */
  isPipeDry?: boolean;
}

/** The clock of one connection. Times are in milliseconds of any one clock. */
export class Deadline {
  #minRate: number;
  #accepted: number;
  #looked: number;
  /** How long a stranger waited for us. */
  #pardoned = 0;
  #lastMove: number;
  #moved = 0;
  /** The window over which the rate is measured: how long it is, where it began. */
  #waited = 0;
  #windowStart = 0;
  #compared = 0;
  #asked = -Infinity;

  /** @param minRate bytes a second for transfers, 0 for any */
  constructor(now: number, minRate = DEFAULT_MIN_RATE) {
    this.#minRate = minRate;
    this.#accepted = now;
    this.#looked = now;
    this.#lastMove = now;
  }

  /** The reason to drop the connection now, if there is one. */
  check(state: ConnectionState, now: number): string | undefined {
    const elapsed = now - this.#looked;
    this.#looked = now;
    switch (state.phase) {
      case "handshake":
        return now - this.#accepted > HANDSHAKE_MS
          ? `no TLS handshake within ${HANDSHAKE_MS / 1000} s`
          : undefined;
      case "stranger":
        if (!state.waitsForPeer) this.#pardoned += elapsed;
        return now - this.#accepted - this.#pardoned > LOGIN_MS
          ? `no login within ${LOGIN_MS / 1000} s`
          : undefined;
      case "idle":
        this.#restart(state);
        return this.#silence(state, now) > IDLE_MS
          ? `idle for ${IDLE_MS / 1000} s`
          : undefined;
      default:
        return this.#silence(state, now) > STALLED_MS
          ? `no byte moved for ${STALLED_MS / 1000} s`
          : this.#judge(state, elapsed);
    }
  }

  /** Whether a client that is idle should be asked if it is still there. */
  isPingDue(now: number): boolean {
    if (now - Math.max(this.#lastMove, this.#asked) < PING_MS) return false;
    this.#asked = now;
    return true;
  }

  /** How long nothing has come from the peer, or gone to it in a transfer. */
  #silence(state: ConnectionState, now: number): number {
    const { phase, received, sent, waitsForPeer } = state;
    // Otherwise what we send, such as a ping, says nothing about the client.
    const moved = phase === "transfer" ? received + sent : received;
    if (moved !== this.#moved || !waitsForPeer) {
      this.#moved = moved;
      this.#lastMove = now;
    }
    return now - this.#lastMove;
  }

  /** Whether it is too slow, however regularly a byte comes. */
  #judge(state: ConnectionState, elapsed: number): string | undefined {
    if (state.comparing !== undefined) {
      this.#compared += elapsed;
      return this.#compared > RATE_MS + state.comparing / COMPARE_RATE
        ? "it compares for too long"
        : undefined;
    }
    this.#compared = 0;
    if (state.waitsForPeer && !state.isPipeDry) this.#waited += elapsed;
    if (this.#waited < RATE_MS) return undefined;
    const bytes = countedBytes(state) - this.#windowStart;
    const rate = bytes * 1000 / this.#waited;
    this.#restart(state);
    return rate < this.#minRate
      ? `slower than ${this.#minRate} bytes a second`
      : undefined;
  }

  #restart(state: ConnectionState): void {
    this.#waited = 0;
    this.#compared = 0;
    this.#windowStart = countedBytes(state);
  }
}

function countedBytes(state: ConnectionState): number {
  return state.received + state.sent - (state.waitingBytes ?? 0);
}
