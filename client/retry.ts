/**
 * Tries again what a lost connection has interrupted: for how many times, after
 * which wait, and what cannot be helped by that. What the work does with a new
 * connection, such as going on where it stopped, is its own business.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { type Invocation, usageError } from "./command.ts";
import { connect } from "./connect.ts";
import { about, type Connection, sessionEnded } from "./connection.ts";
import type { SavedSession } from "./config.ts";
import type { Progress } from "./progress.ts";
import { rateLimit } from "./rate_limit.ts";
import {
  chooseServer,
  chooseSession,
  type ServerChoice,
} from "./server_choice.ts";

/** So many losses in a row are tried again when `--retries` does not say. */
export const DEFAULT_RETRIES = 6;

/** The first wait; each further one in a row is twice as long. */
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

/** Waits differ by this much, or all clients of a server would come back at once. */
const JITTER = 0.25;

/** Failures of the connection, or of a server that will be back: waiting may help. */
const LOST_CODES = [
  "connection-lost",
  "timeout",
  "unreachable",
  "stopping",
  "busy",
];

/** What to know about a transfer that was given up in its middle. */
export const GOES_ON = "the same command goes on where this one stopped";

/** What waiting needs of the world; a test fakes it. */
export interface RetryTiming {
  wait(ms: number): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

const SYSTEM_TIMING: RetryTiming = {
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
};

/** A wait that begins now. */
export interface RetryWait {
  /** What it is for. */
  error: NetdiskError;
  ms: number;
}

export interface RetryOptions {
  /** `HOST:PORT`, for messages that do not name it. */
  address?: string;
  timing?: RetryTiming;
}

/** What the work knows about its attempts, and tells about them. */
export class Retry {
  /** False while another attempt would do harm: a failure is then the last. */
  repeatable = true;
  /** Said with the error when the connection stays lost: what a person can do. */
  hint: string | undefined;
  /** Says `reconnecting` while it is shown; otherwise each wait is a notice. */
  progress: Pick<Progress, "isShown" | "phase"> | undefined;
  #attempt = 0;
  #inRow = 0;
  #met = false;

  /** 0 for the first. */
  get attempt(): number {
    return this.#attempt;
  }

  /** How many attempts have failed since anything was achieved. */
  get inRow(): number {
    return this.#inRow;
  }

  /** True when the server has been met: it exists, so it may come back. */
  get hasMet(): boolean {
    return this.#met;
  }

  /** The server has accepted a greeting. */
  met(): void {
    this.#met = true;
    if (this.#attempt > 0) this.progress?.phase(undefined);
  }

  /**
   * The work has got further than ever before, as the other side has confirmed:
   * losses are counted from here. Bytes that were merely sent are no progress, or
   * a server that dies of them would be fed for ever.
   */
  moved(): void {
    this.#inRow = 0;
  }

  /** Another attempt begins. For withRetries(). */
  again(): void {
    this.#attempt++;
    this.#inRow++;
  }
}

/**
 * Does the work, and again after a wait when the connection was lost, up to
 * `--retries` times in a row. A server that was never met is only waited for
 * when `--retries` was given: nobody wants to wait to hear that none runs there.
 *
 * @param onWait says that a wait begins; by default progress or a notice does
 * @throws NetdiskError `usage` for a bad number, the last failure, and at once
 * what waiting cannot help
 */
export async function withRetries<T>(
  invocation: Invocation,
  work: (retry: Retry) => Promise<T>,
  onWait?: (wait: RetryWait, retry: Retry) => void,
  options: RetryOptions = {},
): Promise<T> {
  const limit = retryLimit(invocation);
  const isOrdered = invocation.options.retries !== undefined;
  const timing = options.timing ?? SYSTEM_TIMING;
  const retry = new Retry();
  for (;;) {
    try {
      return await work(retry);
    } catch (error) {
      if (!isLost(error)) throw error;
      const isDue = retry.repeatable && retry.inRow < limit &&
        (retry.hasMet || isOrdered);
      if (!isDue) throw withHint(error, retry.hint);
      const ms = waitMs(retry.inRow, timing.random());
      if (onWait) onWait({ error, ms }, retry);
      else tellWait(invocation, { error, ms }, retry, options.address);
      retry.again();
      await timing.wait(ms);
    }
  }
}

/** The account and the server that a connection is for. */
export interface Account {
  choice: ServerChoice;
  session: SavedSession;
}

/**
 * Does the work on a connection with the saved session at work, and again on a
 * new one when it was lost; see {@link withRetries}. Server and account are
 * chosen once: another login meanwhile does not change whose files these are.
 * `--limit-rate`, where the command has it, is kept over all connections.
 */
export async function withSession<T>(
  invocation: Invocation,
  work: (
    connection: Connection,
    retry: Retry,
    account: Account,
  ) => Promise<T>,
  options: Omit<RetryOptions, "address"> = {},
): Promise<T> {
  // Before anything else is: a number that is none is no matter of luck.
  retryLimit(invocation);
  const limit = rateLimit(invocation);
  const choice = chooseServer(invocation);
  const session = chooseSession(invocation, choice);
  const { address } = choice;
  return await withRetries(
    invocation,
    async (retry) => {
      using connection = await connect(invocation, choice, { limit });
      try {
        await connection.greet(session);
        if (retry.attempt > 0) await reconnected(connection, retry);
        return await work(connection, retry, { choice, session });
      } catch (error) {
        // In the middle of the work, where the connection does not know whose it is.
        const isOver = error instanceof NetdiskError &&
          error.code === "unauthenticated" && error.hint === undefined;
        throw isOver ? sessionEnded(session.user, address, error) : error;
      } finally {
        if (connection.isGreeted) retry.met();
      }
    },
    undefined,
    { ...options, address },
  );
}

/** Whether a failure is one of the connection, which another may not have. */
export function isLost(error: unknown): error is NetdiskError {
  return error instanceof NetdiskError && LOST_CODES.includes(error.code);
}

/**
 * How many losses in a row are tried again.
 *
 * @throws NetdiskError `usage`
 */
export function retryLimit({ options }: Invocation): number {
  const { retries } = options;
  if (retries === undefined) return DEFAULT_RETRIES;
  if (/^\d{1,6}$/.test(retries)) return Number(retries);
  throw usageError("", "--retries takes a number from 0 to 999999");
}

/** Waits for the greeting, so that it is seen that the wait is over. */
async function reconnected(
  connection: Connection,
  retry: Retry,
): Promise<void> {
  try {
    await connection.ready();
    retry.met();
  } catch {
    // The work meets the same failure, and may know what it means.
  }
}

/** Between the failure number `inRow` (from 0) and the next attempt. */
function waitMs(inRow: number, random: number): number {
  const ms = Math.min(FIRST_WAIT_MS * 2 ** inRow, MAX_WAIT_MS);
  return ms * (1 - JITTER + 2 * JITTER * random);
}

function tellWait(
  { output }: Invocation,
  { error, ms }: RetryWait,
  { progress }: Retry,
  address: string | undefined,
): void {
  if (progress?.isShown) {
    progress.phase("reconnecting");
    return;
  }
  const named = address === undefined || error.message.startsWith(address);
  const { message } = named ? error : about(address, error);
  output.notice(`${message}, trying again in ${seconds(ms)} s`);
}

function seconds(ms: number): string {
  return ms < 1000 ? (ms / 1000).toFixed(1) : String(Math.round(ms / 1000));
}

function withHint(error: NetdiskError, hint: string | undefined): NetdiskError {
  if (hint === undefined) return error;
  const { code, message } = error;
  return new NetdiskError(code, message, { hint, cause: error });
}
