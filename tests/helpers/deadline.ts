/** Waits that end: each has a limit, and tells what did not happen in time. */

/**
 * Far more than anything takes here, on a busy machine and a slow disk too: a
 * limit is there to end a hang, and to say which.
 */
export const PATIENCE_MS = 120_000;

const POLL_MS = 10;

/** What `work` comes to, unless it takes too long. @throws Error naming `what` */
export async function within<T>(
  what: string,
  work: Promise<T>,
  ms: number = PATIENCE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late(what, ms)), ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until there is something. @throws Error naming `what` */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms: number = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw late(what, ms);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function late(what: string, ms: number): Error {
  return new Error(`${what}: not within ${ms / 1000} s`);
}
