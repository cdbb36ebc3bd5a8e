/**
 * What one connection has in hand, such as an unfinished upload, and when it is
 * handed to another one: a client comes back before its old connection is known
 * to be dead.
 */

/** A connection that has been silent for so long may lose what it has in hand, in milliseconds. */
export const TAKEOVER_MS = 3000;

/** The client that has something in hand, as far as others need to know of it. */
export interface Holder {
  /** Bytes that came from it so far, those of a frame on its way included. */
  received(): number;
  /** It has nothing to say, as it waits for our answer. */
  isServed?(): boolean;
  /** Ends its connection. */
  drop(): void;
}

/** One thing in one client's hands, until {@link release}. */
export class Hold {
  /** The client is not needed any more, and only our disk is waited for. */
  isEnding = false;
  readonly released: Promise<void>;
  readonly release: () => void;
  #holder: Holder;
  #received: number;
  #heardAt = performance.now();

  constructor(holder: Holder) {
    this.#holder = holder;
    this.#received = holder.received();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.release = resolve;
  }

  isOf(holder: Holder): boolean {
    return this.#holder === holder;
  }

  /** When its client was last heard of, by `performance.now`. */
  get heardAt(): number {
    this.noteTraffic();
    return this.#heardAt;
  }

  /** To be called now and then, or {@link heardAt} would be late. */
  noteTraffic(): void {
    const received = this.#holder.received();
    if (received !== this.#received || this.#holder.isServed?.()) {
      this.#heardAt = performance.now();
    }
    this.#received = received;
  }

  /** Ends the connection of its client. */
  drop(): void {
    this.#holder.drop();
  }
}

/**
 * Waits until the client lets go, and makes it when it is silent; false when it
 * is still heard of after a while. What a dead client had sent may have to be
 * read to its end first.
 */
export async function outlive(hold: Hold): Promise<boolean> {
  // Before the clock is read: who says nothing from now on is silent for as long as we wait.
  hold.noteTraffic();
  const askedAt = performance.now();
  let isReleased = false;
  const released = hold.released.then(() => isReleased = true);
  while (!isReleased) {
    const now = performance.now();
    const silentMs = now - hold.heardAt;
    if (hold.isEnding || silentMs >= TAKEOVER_MS) {
      if (!hold.isEnding) hold.drop();
      await released;
    } else {
      const waitedMs = now - askedAt;
      if (waitedMs >= TAKEOVER_MS) return false;
      const patienceMs = TAKEOVER_MS - Math.max(silentMs, waitedMs);
      await Promise.race([released, delay(patienceMs)]);
    }
  }
  return true;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
