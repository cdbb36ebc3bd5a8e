/** What each failure becomes for the shell: the table of design.md 2 and docs/scripting.md. */

import type { ErrorCode } from "../protocol/errors.ts";
import { SIGNAL_STATUS } from "./interrupt.ts";

/** The exit status of each failure. A code without one does not compile. */
export const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  "protocol": 1,
  "version": 1,
  "changed": 1,
  "io": 1,
  "local-io": 1,
  "internal": 1,
  "usage": 2,
  "not-found": 3,
  "unauthenticated": 4,
  "denied": 4,
  "throttled": 4,
  "busy": 5,
  "stopping": 5,
  "timeout": 5,
  "unreachable": 5,
  "connection-lost": 5,
  "exists": 6,
  "is-folder": 6,
  "not-folder": 6,
  "bad-name": 6,
  "too-large": 6,
  "quota": 6,
  "disk-full": 6,
  "integrity": 7,
  "partial": 8,
  "identity": 10,
  "interrupted": SIGNAL_STATUS.SIGINT,
};

/** As of a program that SIGPIPE ended: what was asked for is not done, and nobody listens. */
export const STDOUT_CLOSED_STATUS = 141;
