/** How fast a connection moves bytes, by looks at it once in a while. */

/** Bytes so far, or a second. */
export interface Traffic {
  received: number;
  sent: number;
}

/** Times are in milliseconds of any one clock. */
export class TransferRate {
  #at: number;
  #before: Traffic = { received: 0, sent: 0 };
  #rate: Traffic = { received: 0, sent: 0 };

  /** @param now when the connection began */
  constructor(now: number) {
    this.#at = now;
  }

  /** Bytes a second between the last two looks. */
  get rate(): Traffic {
    return this.#rate;
  }

  look({ received, sent }: Traffic, now: number): void {
    const seconds = (now - this.#at) / 1000;
    if (seconds <= 0) return;
    this.#rate.received = (received - this.#before.received) / seconds;
    this.#rate.sent = (sent - this.#before.sent) / seconds;
    this.#before.received = received;
    this.#before.sent = sent;
    this.#at = now;
  }
}
