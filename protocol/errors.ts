/**
 * What can go wrong, as codes that both sides share. The wire codes are the
 * table of SPEC.md 8; the local ones never cross the wire. What a code means to
 * a shell is client/exit_status.ts's business.
 */

/** Codes that an `error` message may carry. */
export const WIRE_ERROR_CODES = [
  "protocol",
  "version",
  "busy",
  "stopping",
  "unauthenticated",
  "denied",
  "throttled",
  "not-found",
  "exists",
  "is-folder",
  "not-folder",
  "bad-name",
  "too-large",
  "quota",
  "disk-full",
  "changed",
  "integrity",
  "timeout",
  "io",
  "internal",
] as const;

/** Codes for failures that only one side can see. */
export const LOCAL_ERROR_CODES = [
  "usage",
  "unreachable",
  "connection-lost",
  "identity",
  "interrupted",
  "partial",
  "local-io",
] as const;

/** Every code, wire codes first. */
export const ERROR_CODES = [...WIRE_ERROR_CODES, ...LOCAL_ERROR_CODES] as const;

export type WireErrorCode = typeof WIRE_ERROR_CODES[number];
export type ErrorCode = typeof ERROR_CODES[number];

/** True for a code that SPEC.md 8 lists. */
export function isWireErrorCode(code: string): code is WireErrorCode {
  return (WIRE_ERROR_CODES as readonly string[]).includes(code);
}

export interface NetdiskErrorOptions extends ErrorOptions {
  /** The next thing a person can do, where there is one; a command where possible. */
  hint?: string;
}

/** A failure that a person can act on: its message names what failed and why. */
export class NetdiskError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: NetdiskErrorOptions = {},
  ) {
    super(message, options);
    this.name = "NetdiskError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** True when the other side is gone: nothing that is said now would arrive. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof NetdiskError && error.code === "connection-lost";
}

/** How bytes broke the rules: the classes that the test vectors name. */
export type Violation =
  | "too-long"
  | "cut-short"
  | "bad-kind"
  | "empty"
  | "bad-text"
  | "bad-message"
  | "out-of-order";

/** The peer broke the protocol; the connection cannot go on. */
export class ProtocolError extends NetdiskError {
  readonly violation: Violation;

  constructor(
    violation: Violation,
    message: string,
    options: NetdiskErrorOptions = {},
  ) {
    super("protocol", message, options);
    this.name = "ProtocolError";
    this.violation = violation;
  }
}
