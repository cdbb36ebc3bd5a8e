/**
 * Ctrl-C, SIGTERM and SIGHUP as an AbortSignal, so that a script can stop what
 * it started and remove what it wrote, and how a script that failed ends.
 */

/** Why a script was stopped from outside; its status is the shell's 128 + n. */
class Interrupted extends Error {
  readonly status: number;

  constructor(signal: string, status: number) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
    this.status = status;
  }
}

/** From this call on these signals abort the AbortSignal, and nothing else. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  function abortOn(name: Deno.Signal, status: number): void {
    Deno.addSignalListener(
      name,
      () => controller.abort(new Interrupted(name, status)),
    );
  }
  abortOn("SIGINT", 130);
  if (Deno.build.os === "windows") return controller.signal;
  abortOn("SIGTERM", 143);
  abortOn("SIGHUP", 129);
  return controller.signal;
}

/** The status that a script ends with after an error. */
export function exitStatusOf(error: unknown): number {
  return error instanceof Interrupted ? error.status : 1;
}

/** An error's own words, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
