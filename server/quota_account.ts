/**
 * The arithmetic of one user's quota, without a disk and without waiting: what
 * is used, what is promised to uploads under way, what is left. Its bytes are
 * those that count (quota_cost.ts). As only one thread serves, each call is a
 * transaction.
 */

import { NetdiskError } from "../protocol/errors.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** One user's bytes. */
export class QuotaAccount {
  /** Null is without limit. */
  limit: number | null = null;
  /**
   * Of files and of unfinished uploads that nobody has in hand; undefined while
   * it is not known.
   */
  used: number | undefined;
  /** Bytes that live uploads may still come to, those that are here included. */
  reserved = 0;
  /**
   * Bytes of live uploads that count no more than the files which they replace.
   * Until then both are on the disk: never more than once {@link used}.
   */
  credited = 0;

  /** Bytes that anybody may take. */
  get left(): number {
    const { limit, used, reserved } = this;
    if (limit === null || used === undefined) return Infinity;
    return Math.max(0, limit - used - reserved);
  }

  /** Bytes that may still be given as credit. */
  get creditLeft(): number {
    return Math.max(0, (this.used ?? Infinity) - this.credited);
  }

  /** Files grew by so many bytes, or shrank. */
  add(bytes: number): void {
    if (this.used === undefined) return;
    this.used += bytes;
    // Somebody else put files there that the user has removed.
    if (this.used < 0) this.used = undefined;
  }

  /**
   * Makes sure that files may grow.
   *
   * @param held what is reserved for that
   * @throws NetdiskError `quota`
   */
  check(growth: number, held: number): void {
    const left = this.left + held;
    if (growth > left) throw this.exceeded(growth, left);
  }

  exceeded(needed: number, left: number): NetdiskError {
    const whole = formatSize(this.limit ?? 0);
    const texts = [needed, left].map(formatSize);
    // "needs 1 GiB, 1 GiB left" would explain nothing.
    const [needs, has] = texts[0] === texts[1]
      ? [`${needed} B`, `${left} B`]
      : texts;
    return new NetdiskError("quota", `needs ${needs}, ${has} left of ${whole}`);
  }
}

/** What a reservation is for. */
export interface Wish {
  /** Bytes of the upload in all, as far as they are known. */
  bytes: number;
  /** Nobody knows how many it will be. */
  isPipe: boolean;
  /** Bytes that an earlier upload left, no longer counted as used. */
  here: number;
  /** Bytes of the file that would be replaced now; 0 when there is none. */
  replaced(): number;
  /** Bytes of the folders that would be made now. */
  folders(): number;
  /** What is said when there is no room, to somebody whose quota it is not. */
  refusal?: (() => NetdiskError) | undefined;
}

/** The room of one upload, from its beginning to its end. */
export class Reservation {
  #account: QuotaAccount;
  #wish: Wish;
  #folders: number;
  #held = 0;
  #credit = 0;

  /** @throws NetdiskError `quota` */
  constructor(account: QuotaAccount, wish: Wish) {
    this.#account = account;
    this.#wish = wish;
    this.#folders = wish.folders();
    this.require(wish.bytes);
  }

  /** Makes it room for an upload of so many bytes in all. @throws NetdiskError `quota` */
  require(bytes: number): void {
    const needed = bytes + this.#folders;
    const more = needed - this.#held - this.#credit;
    if (more <= 0) return;
    const account = this.#account;
    const { left } = account;
    const credit = more <= left ? 0 : Math.min(more - left, this.#moreCredit());
    if (more - credit > left) {
      const { here, refusal } = this.#wish;
      throw refusal?.() ?? account.exceeded(
        needed - this.#credit - credit - here,
        Math.max(0, left + this.#held - here),
      );
    }
    this.#held += more - credit;
    this.#credit += credit;
    account.reserved += more - credit;
    account.credited += credit;
  }

  /** The file takes its place, and files grow by so much. @throws NetdiskError `quota` */
  check(growth: number): void {
    const { refusal } = this.#wish;
    const left = this.#account.left + this.#held;
    if (refusal && growth > left) throw refusal();
    this.#account.check(growth, this.#held);
  }

  /** The bytes that may stay on the disk when the upload is broken off. */
  get mayStay(): number {
    return this.#held + this.#account.left;
  }

  /** Gives back all of it; harmless when repeated. */
  release(): void {
    this.#account.reserved -= this.#held;
    this.#account.credited -= this.#credit;
    this.#held = 0;
    this.#credit = 0;
  }

  #moreCredit(): number {
    const own = this.#wish.replaced() - this.#credit;
    return Math.max(0, Math.min(own, this.#account.creditLeft));
  }
}

/** A size of at most four digits, in the units of the client. */
function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = Number(value.toPrecision(value < 999.5 ? 3 : 4));
  return `${unit === 0 ? bytes : digits} ${UNITS[unit]}`;
}
