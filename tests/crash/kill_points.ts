/**
 * Kills a server at one system call after another: at the first `write`, then
 * at the second, ..., until the work is done without a kill.
 */

import { type Call, Trace, type TraceOptions } from "../helpers/strace.ts";
import type { CrashDisk } from "./crash_disk.ts";

/** Calls of one kind. */
export interface KillKind extends Pick<TraceOptions, "calls" | "onlyServing"> {
  /** Only calls on exactly this path, when it is known. */
  path?: () => string;
  /**
   * Several threads share these calls, so that strace cannot count them: `begin`
   * is to see to all but the last of the calls instead.
   */
  isShared?: boolean;
}

/** What the server is killed in. */
export interface KillWork {
  /** What comes before the calls that count, with so many of those that are shared. */
  begin: (calls: number) => Promise<void>;
  /** Ends well whether the server lives or not. */
  run: () => Promise<void>;
  /** Looks at what there is then, and starts the server where it was killed. */
  check: () => Promise<void>;
}

/** No work makes more calls of a kind in one thread. */
const MAX_CALLS = 60;
const ALL = Array.from({ length: MAX_CALLS }, (_, at) => at + 1);

/**
 * Does some work again and again, and kills the server at another call each time.
 *
 * @param which numbers of the calls to kill at, which are certain to come, though
 * maybe after the work; @default all that there are until its end
 * @returns the calls that it was killed at
 */
export async function killAtEach(
  disk: CrashDisk,
  kind: KillKind,
  work: KillWork,
  which?: readonly number[],
): Promise<Call[]> {
  const killedAt: Call[] = [];
  for (const count of which ?? ALL) {
    await work.begin(kind.isShared ? count - 1 : 0);
    const call = await killAt(disk, kind, count, work.run, which !== undefined);
    await work.check();
    if (!call) return killedAt;
    killedAt.push(call);
  }
  if (which) return killedAt;
  throw new Error(`more than ${MAX_CALLS} calls of ${kind.calls}`);
}

/** The call that the server was killed at; it still runs where there was none. */
async function killAt(
  disk: CrashDisk,
  { path, isShared = false, ...kind }: KillKind,
  count: number,
  work: () => Promise<void>,
  isCertain: boolean,
): Promise<Call | undefined> {
  await using trace = await Trace.attach(disk.server.process.pid, {
    ...kind,
    inject: `signal=KILL:when=${isShared ? 1 : count}`,
    path: path?.(),
  });
  await work();
  const isKilled = (calls: Call[]) => calls.some(({ ended }) => !ended);
  if (isCertain) await trace.shows("the call to be killed at", isKilled);
  else if (!isKilled(trace.calls())) return undefined;
  await disk.kill();
  await trace.ended();
  return trace.calls().findLast(({ ended }) => !ended);
}
