/**
 * Asks the password worker to hash and to compare. Hashing costs 32 MiB and
 * half a second, so it has a thread of its own (password_worker.ts), and only a
 * bounded number may wait for it. What a legal password is: credentials.ts.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** The cost of a hash: work and memory are N * r, p times in a row. */
export interface ScryptParameters {
  n: number;
  r: number;
  p: number;
}

/** A hash with all that is needed to compute it again. */
export interface StoredPassword extends ScryptParameters {
  salt: Uint8Array;
  hash: Uint8Array;
}

/** OWASP's equal of N=2^17, p=1 at a quarter of the memory: 32 MiB. */
export const SCRYPT_PARAMETERS: ScryptParameters = { n: 2 ** 15, r: 8, p: 3 };

/**
 * Waiting passwords, the one at work included: the last of 16 has its answer
 * after 5 to 12 s, within the 20 s that SPEC.md 9 gives a login.
 */
const MAX_WAITING_PASSWORDS = 16;

/** ... of one asker: the others must find room while somebody floods. */
const MAX_WAITING_PER_ASKER = 4;

/** After this a worker that has not answered is taken for dead. */
const ANSWER_TIMEOUT_MS = 30_000;

/** What the worker is asked. */
export type PasswordQuestion =
  | { kind: "hash"; password: string; parameters: ScryptParameters }
  | { kind: "verify"; password: string; stored: StoredPassword };

/** What it answers: a StoredPassword for `hash`, a boolean for `verify`. */
export type PasswordAnswer =
  | { id: number; value: StoredPassword | boolean }
  | { id: number; fault: string };

export interface PasswordHasherOptions {
  /** The cost of new hashes. Default {@link SCRYPT_PARAMETERS}. */
  parameters?: ScryptParameters;
  /**
   * Default {@link MAX_WAITING_PASSWORDS}; Workers that share one password
   * worker share that number.
   */
  maxWaiting?: number;
  /** Default 30 s. */
  timeoutMs?: number;
}

interface Waiting {
  resolve(value: StoredPassword | boolean): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
  asker: string | undefined;
}

/** The asking end of a line to the password worker. */
export class PasswordHasher implements Disposable {
  /** The cost of new hashes. */
  readonly parameters: ScryptParameters;
  #port: MessagePort;
  #maxWaiting: number;
  #timeoutMs: number;
  #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #closed = false;

  /** Owns `port` from now on. */
  constructor(port: MessagePort, options: PasswordHasherOptions = {}) {
    this.parameters = options.parameters ?? SCRYPT_PARAMETERS;
    this.#port = port;
    this.#maxWaiting = options.maxWaiting ?? MAX_WAITING_PASSWORDS;
    this.#timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS;
    port.onmessage = (event) => this.#answered(event.data);
  }

  /**
   * Hashes a new password with a new salt.
   *
   * @param asker who has only a part of the queue, such as a network
   * @throws NetdiskError `busy` when too many wait or the worker is silent
   */
  async hash(password: string, asker?: string): Promise<StoredPassword> {
    const { parameters } = this;
    const question = { kind: "hash", password, parameters } as const;
    return await this.#ask(question, asker) as StoredPassword;
  }

  /**
   * Whether `password` is the stored one, compared in constant time.
   *
   * @param asker as for {@link hash}
   * @throws NetdiskError `busy` when too many wait or the worker is silent
   */
  async verify(
    password: string,
    stored: StoredPassword,
    asker?: string,
  ): Promise<boolean> {
    const question = { kind: "verify", password, stored } as const;
    return await this.#ask(question, asker) as boolean;
  }

  /** Ends the line; what still waits fails with `stopping`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(ended());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(
    question: PasswordQuestion,
    asker: string | undefined,
  ): Promise<StoredPassword | boolean> {
    if (this.#closed) return Promise.reject(ended());
    if (!this.#hasRoom(asker)) {
      return Promise.reject(
        new NetdiskError(
          "busy",
          "too many logins at once, try again in a moment",
        ),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // A port does not tell that its other end is gone: posting succeeds and
      // no event comes (Deno 2.6 to 2.8). Only time shows it.
      const timer = setTimeout(() => {
        // It keeps its place: the worker has yet to come to it.
        reject(new NetdiskError("busy", "checking the password took too long"));
      }, this.#timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer, asker });
      this.#port.postMessage({ ...question, id });
    });
  }

  #hasRoom(asker: string | undefined): boolean {
    if (this.#waiting.size >= this.#maxWaiting) return false;
    if (asker === undefined) return true;
    let same = 0;
    for (const waiting of this.#waiting.values()) {
      if (waiting.asker === asker) same++;
    }
    return same < MAX_WAITING_PER_ASKER;
  }

  #answered(answer: PasswordAnswer): void {
    const waiting = this.#take(answer.id);
    if (!waiting) return;
    if ("value" in answer) return waiting.resolve(answer.value);
    waiting.reject(
      new NetdiskError("internal", "the password could not be checked", {
        cause: new Error(answer.fault),
      }),
    );
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (!waiting) return undefined;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    return waiting;
  }
}

function ended(): NetdiskError {
  return new NetdiskError("stopping", "the server is about to stop");
}
