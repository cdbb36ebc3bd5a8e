/** What a link allows: TCP at its best on it, and what comes on top for anybody. */

/** Of what the link allows, at most so much more. */
const AT_MOST = 1.1;

/** The parts of what a link allows, in seconds. */
export interface Allowance {
  /** Bare TCP with as many bytes, at its best. */
  bare: number;
  /** TLS 1.3 needs one more than TCP. */
  roundTrip: number;
  /** What the program takes where it meets no server. */
  start: number;
}

/** All of it together. */
export function allowedSeconds({ bare, roundTrip, start }: Allowance): number {
  return bare + roundTrip + start;
}

/** The bar of issue 4 for a link. */
export function judgeOnLink(
  seconds: number,
  allowance: Allowance,
): { bar: string; measured: string; met: boolean } {
  const share = seconds / allowedSeconds(allowance);
  return {
    bar: `at most ${AT_MOST} x the time that the link allows`,
    measured: `${share.toFixed(2)} x`,
    met: share <= AT_MOST,
  };
}
