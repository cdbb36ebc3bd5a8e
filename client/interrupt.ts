/**
 * What is tidied up when a person or the system stops the program. A signal may
 * come at any await, so whoever holds something that must not stay behind (a
 * temporary file, a terminal in raw mode) registers how to let go of it.
 * So do commands that say what stays: see put.ts.
 */

const cleanups = new Set<() => void>();

/** Undoes the registration; with `using` when its scope ends. */
export interface Registration {
  [Symbol.dispose](): void;
}

/**
 * Registers a function to be called when SIGINT or SIGTERM ends the
 * program. It must be synchronous: nothing else runs between it and the exit, so
 * that what was removed cannot come back.
 */
export function onInterrupt(cleanup: () => void): Registration {
  // A function registered twice is two registrations.
  const entry = () => cleanup();
  cleanups.add(entry);
  return { [Symbol.dispose]: () => void cleanups.delete(entry) };
}

/** Runs what is registered, the latest first, each once. A failing cleanup does not keep the others. */
export function runCleanups(): void {
  for (const cleanup of [...cleanups].reverse()) {
    cleanups.delete(cleanup);
    try {
      cleanup();
    } catch {
      // The program is ending; there is nobody to handle it.
    }
  }
}

/**
 * Signals that end the program, with the status a shell expects of each. SIGHUP is
 * not among them: listening to it would undo what `nohup` did.
 */
export const SIGNAL_STATUS = {
  SIGINT: 130,
  SIGTERM: 143,
} as const satisfies Partial<Record<Deno.Signal, number>>;

export type EndSignal = keyof typeof SIGNAL_STATUS;

/**
 * What is listened to on a system, and as which signal it counts. Windows has
 * Ctrl-Break; that a window is closed it tells too late to do anything, and
 * Deno 2.6 cannot listen to SIGTERM there.
 */
export function endSignals(
  os: typeof Deno.build.os,
): readonly (readonly [name: Deno.Signal, as: EndSignal])[] {
  return os === "windows"
    ? [["SIGINT", "SIGINT"], ["SIGBREAK", "SIGINT"]]
    : [["SIGINT", "SIGINT"], ["SIGTERM", "SIGTERM"]];
}

/** The listeners of {@link watchSignals}, as long as they are wanted. */
let listeners: readonly (readonly [Deno.Signal, () => void])[] = [];

/**
 * From now on the first of these signals calls `stop`. A further one ends the
 * program at once, even while `stop` waits for a disk or a terminal: by then the
 * system, not a listener, is in charge of it. Does not keep the program alive.
 */
export function watchSignals(stop: (signal: EndSignal) => void): Registration {
  const unwatch = () => {
    ignoreAll();
    listeners = [];
  };
  listeners = endSignals(Deno.build.os).map(([name, signal]) => [name, () => {
    unwatch();
    stop(signal);
  }]);
  heedAll();
  return { [Symbol.dispose]: unwatch };
}

/**
 * While this lasts a signal ends the program at once, and nothing is said or
 * tidied up. For a thread that has to wait: it would not hear a listener's.
 */
export function leaveSignalsToSystem(): Registration {
  ignoreAll();
  return { [Symbol.dispose]: heedAll };
}

function heedAll(): void {
  for (const [name, listener] of listeners) {
    Deno.addSignalListener(name, listener);
  }
}

function ignoreAll(): void {
  for (const [name, listener] of listeners) {
    Deno.removeSignalListener(name, listener);
  }
}
