/** How much of a listing is believed: a server may never come to its end. */

import { ProtocolError } from "../protocol/errors.ts";
import type { Entry, ResponseOf } from "../protocol/messages.ts";
import type { Connection } from "./connection.ts";

/** More names than any folder has: a listing that is longer has no end. */
const MAX_NAMES = 50_000_000;

/** In a row, while more is to come. */
const MAX_EMPTY_PAGES = 1000;

/**
 * Weight of the names that are held at a time, which is that of some two million
 * and half a gigabyte of memory.
 */
export const MAX_HELD_WEIGHT = 2 ** 28;

/** What a name weighs beside its characters. */
const NAME_WEIGHT = 128;

/** Counts what comes of one listing. */
export class ListingBounds {
  readonly #isHeld: boolean;
  #names = 0;
  /** Pages in a row. */
  #empty = 0;
  #weight = 0;

  /** @param isHeld all of it is held in memory at a time */
  constructor(isHeld: boolean) {
    this.#isHeld = isHeld;
  }

  /** Takes a page. @throws ProtocolError when nobody would send that */
  add({ entries, more }: Omit<ResponseOf<"entries">, "type">): void {
    this.#empty = entries.length === 0 ? this.#empty + 1 : 0;
    if (more && this.#empty > MAX_EMPTY_PAGES) {
      throw new ProtocolError(
        "bad-message",
        "the server's listing does not go on",
      );
    }
    this.#names += entries.length;
    if (this.#names > MAX_NAMES) throw tooLong();
    if (this.#isHeld) { for (const entry of entries) this.hold(entry); }
  }

  /** Takes a name that is held. @throws ProtocolError */
  hold({ name }: Pick<Entry, "name">): void {
    this.#weight += weightOf(name);
    if (this.#weight > MAX_HELD_WEIGHT) throw tooLong();
  }
}

/** What a name or path weighs of {@link MAX_HELD_WEIGHT}. */
export function weightOf(name: string): number {
  return NAME_WEIGHT + name.length;
}

/**
 * The answer to one `list`, page by page; see {@link ListingBounds} for `isHeld`.
 *
 * @throws NetdiskError what the server answers, and when the connection fails
 */
export async function* listingPages(
  connection: Connection,
  isHeld = false,
): AsyncGenerator<Entry[]> {
  const bounds = new ListingBounds(isHeld);
  for (let more = true; more;) {
    const page = await connection.receive("entries");
    bounds.add(page);
    more = page.more;
    yield page.entries;
  }
}

function tooLong(): ProtocolError {
  return new ProtocolError(
    "too-long",
    "the server lists more names than can be taken in",
  );
}
