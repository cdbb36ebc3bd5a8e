/**
 * What the program tells the shell, with its meaning in words: the help, the man
 * page and the documentation say what stands here.
 */

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

/** Every status. */
export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [0, "done, all of it"],
  [1, "any other failure"],
  [2, "usage: unknown command or option, missing argument"],
  [3, "not found"],
  [4, "not logged in, wrong password, too many wrong ones, not allowed"],
  [5, "network: unreachable, timed out, connection lost (a retry may help)"],
  [6, "refused: name not storable, too large, quota, disk full, exists"],
  [7, "integrity: the bytes that arrived are not the bytes that were sent"],
  [8, "some of several files failed (each has its own error line)"],
  [10, "the server's identity is not the one that was pinned"],
  [SIGNAL_STATUS.SIGINT, "interrupted by Ctrl-C (SIGINT)"],
  [
    STDOUT_CLOSED_STATUS,
    "the reader of a pipe has left, before all was written",
  ],
  [SIGNAL_STATUS.SIGTERM, "terminated by SIGTERM"],
];
