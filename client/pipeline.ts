/** Many small requests of one kind, sent ahead of their answers. */

import type { NetdiskError } from "../protocol/errors.ts";
import type { Request, Response, ResponseOf } from "../protocol/messages.ts";
import { type Connection, isAboutPath } from "./connection.ts";

/**
 * Length of the requests that may be under way; a character has up to 3 bytes.
 * All of them together fit the channel's queue, so that sending never waits while
 * nobody reads. Hundreds of them hide the round trip of a long link, and are
 * less than the changes that a server takes at a time (SPEC.md 9).
 */
const MAX_AHEAD_CHARACTERS = 16 * 1024;

/** What a request has beside its texts: names of fields, numbers, the frame. */
const REQUEST_CHARACTERS = 32;

/** What came of one request: an answer, or an error about its path. */
export type Answered<R, K extends Response["type"]> =
  | { request: R; answer: ResponseOf<K>; error?: undefined }
  | { request: R; answer?: undefined; error: NetdiskError };

/**
 * The answers to requests, in their order. The connection must not be used
 * otherwise meanwhile, nor after leaving early. Requests are drawn as they are sent.
 *
 * @throws NetdiskError when the connection fails: requests without answer may
 * have been carried out, or not
 */
export async function* answers<
  R extends Request,
  K extends Response["type"],
>(
  connection: Connection,
  requests: Iterable<R>,
  type: K,
): AsyncGenerator<Answered<R, K>> {
  const source = requests[Symbol.iterator]();
  const ahead: R[] = [];
  let characters = 0;
  for (let isDrawn = false;;) {
    while (!isDrawn && characters < MAX_AHEAD_CHARACTERS) {
      const next = source.next();
      isDrawn = next.done === true;
      if (next.done) break;
      ahead.push(next.value);
      characters += charactersOf(next.value);
      await connection.send(next.value);
    }
    const request = ahead[0];
    if (request === undefined) return;
    const answered = await receive(connection, request, type);
    ahead.shift();
    characters -= charactersOf(request);
    yield answered;
  }
}

/** Sends one request and waits for its answer, for as long as the server is at work. */
export async function ask<K extends Response["type"]>(
  connection: Connection,
  request: Request,
  type: K,
): Promise<ResponseOf<K>> {
  await connection.send(request);
  return await receiveAnswer(connection, type);
}

async function receive<R, K extends Response["type"]>(
  connection: Connection,
  request: R,
  type: K,
): Promise<Answered<R, K>> {
  try {
    return { request, answer: await receiveAnswer(connection, type) };
  } catch (error) {
    if (!isAboutPath(error)) throw error;
    return { request, error };
  }
}

async function receiveAnswer<K extends Response["type"]>(
  connection: Connection,
  type: K,
): Promise<ResponseOf<K>> {
  for (;;) {
    const answer = await connection.receive<Response["type"]>(
      type,
      "working",
      "verifying",
    );
    // The others only say that the server is alive.
    if (answer.type === type) return answer as ResponseOf<K>;
  }
}

function charactersOf(request: Request): number {
  let sum = REQUEST_CHARACTERS;
  for (const value of Object.values(request)) {
    if (typeof value === "string") sum += value.length;
  }
  return sum;
}
