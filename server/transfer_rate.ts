/** How fast a connection moves bytes, by looks at it once in a while. */

/** Bytes so far, or a second. */
export interface Traffic {
  received: number;
  sent: number;
}

/** Times are in milliseconds of any one clock. */
export class TransferRate {
  #before: Traffic;
  #at: number;
  #rate: Traffic = { received: 0, sent: 0 };

  /** The first look. */
  constructor(before: Traffic, now: number) {
    this.#before = before;
    this.#at = now;
  }

  /** Bytes a second between the last two looks. */
  get rate(): Traffic {
    return this.#rate;
  }

  look(traffic: Traffic, now: number): void {
    const seconds = (now - this.#at) / 1000;
    if (seconds <= 0) return;
    this.#rate = {
      received: (traffic.received - this.#before.received) / seconds,
      sent: (traffic.sent - this.#before.sent) / seconds,
    };
    this.#before = traffic;
    this.#at = now;
  }
}
