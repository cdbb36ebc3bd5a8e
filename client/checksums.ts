/** Compares the content of files on both sides without sending it. */

import { NetdiskError } from "../protocol/errors.ts";
import { localDigest } from "./compare.ts";
import { about, type Connection } from "./connection.ts";
import { answers, ask } from "./pipeline.ts";

/**
 * Up to here requests are sent ahead; of larger ones each side reads one at a
 * time. A server that is through with all of them waits for us no longer than it
 * takes to read some hundreds.
 */
const SMALL_BYTES = 8 * 1024 * 1024;

/** A server takes a client that is silent for longer than a few of these for dead. */
const PING_MS = 20_000;

/** A file of the same size on both sides. */
export interface Check {
  localPath: string;
  remotePath: string;
  size: number;
}

export type Checked<C extends Check> =
  | { check: C; isSame: boolean; error?: undefined }
  | { check: C; error: NetdiskError };

/**
 * Tells which files are the same, in no order. Leaving early leaves answers on
 * the connection.
 *
 * @throws NetdiskError when the connection fails
 */
export async function* compareContents<C extends Check>(
  connection: Connection,
  checks: readonly C[],
): AsyncGenerator<Checked<C>> {
  const small = checks.filter(({ size }) => size <= SMALL_BYTES);
  const requests = small.map(({ remotePath: path }) =>
    ({ type: "digest", path }) as const
  );
  let next = 0;
  for await (const { answer, error } of answers(connection, requests, "done")) {
    const check = small[next++]!;
    yield error
      ? { check, error: about(check.remotePath, error) }
      : await compare(check, localDigest(check.localPath), answer.sha256);
  }
  for (const check of checks) {
    if (check.size > SMALL_BYTES) yield await compareLarge(connection, check);
  }
}

async function compareLarge<C extends Check>(
  connection: Connection,
  check: C,
): Promise<Checked<C>> {
  const hashing = localDigest(check.localPath);
  // Seen when it is awaited.
  hashing.catch(() => {});
  const { remotePath: path } = check;
  try {
    const { sha256 } = await ask(connection, { type: "digest", path }, "done");
    return await compare(check, meanwhile(connection, hashing), sha256);
  } finally {
    await hashing.catch(() => {});
  }
}

async function compare<C extends Check>(
  check: C,
  hashing: Promise<string>,
  sha256: string,
): Promise<Checked<C>> {
  try {
    return { check, isSame: await hashing === sha256 };
  } catch (error) {
    const isLocal = error instanceof NetdiskError &&
      ["local-io", "not-found", "not-folder"].includes(error.code);
    if (!isLocal) throw error;
    return { check, error };
  }
}

/** What local work comes to, while an idle connection is kept. */
export async function meanwhile<T>(
  connection: Connection,
  work: Promise<T>,
): Promise<T> {
  for (let isDone = false;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PING_MS);
    });
    const ended = work.then(() => {
      isDone = true;
    });
    try {
      await Promise.race([ended, pause]);
    } finally {
      clearTimeout(timer);
    }
    if (isDone) return await work;
    await connection.call({ type: "ping" }, "pong");
  }
}
