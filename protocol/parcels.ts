/**
 * What a parcel may be: a message, files or both, from one user to another
 * (SPEC.md 4, Sending to people). Both sides ask here.
 */

/** The capability of a server that carries parcels. */
export const PARCELS = "parcels";

/** The longest message, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 16 * 1024;

/** Files of one parcel. */
export const MAX_PARCEL_FILES = 100;

/** Parcels in one inbox. */
export const MAX_INBOX_PARCELS = 1000;

/** ... and of these from one sender. */
export const MAX_PARCELS_FROM_ONE = 100;

/** Senders that one user can block. */
export const MAX_BLOCKED = 1000;

/** Senders of drafts that their receiver is told of at a time. */
export const MAX_COMING = 100;

/** Parcels of one page; so many are shorter than a control frame, however they are written. */
export const MAX_PAGE_PARCELS = 80;

/** How much of a message a listing shows, in characters, each of up to two UTF-16 units. */
export const MAX_LINE_CHARACTERS = 100;

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** Why a message is refused, or undefined when it is legal. */
export function messageFault(message: string): string | undefined {
  if (!message.isWellFormed()) return "the message is not valid Unicode";
  if (CONTROL.test(message)) return "the message has a control character";
  if (new TextEncoder().encode(message).length > MAX_MESSAGE_BYTES) {
    return `the message is longer than ${MAX_MESSAGE_BYTES} bytes`;
  }
  return undefined;
}

/** Why the name of a parcel's file is refused, beyond the rules of every path. */
export function parcelNameFault(name: string): string | undefined {
  if (name === "") return "a file of a parcel has a name";
  if (name.includes("/")) return "a file of a parcel lies in no folder";
  return undefined;
}
