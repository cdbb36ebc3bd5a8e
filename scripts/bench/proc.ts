/** The memory of a process, as Linux counts it. */
import { Unavailable } from "./tool.ts";

/** Bytes in memory now, and the most since the process began or {@link resetPeak}. */
export interface Memory {
  now: number;
  peak: number;
}

/** Reads it; a process that has ended has none. */
export function readMemory(pid: number): Memory {
  try {
    return parseStatus(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { now: 0, peak: 0 };
    throw error;
  }
}

/** Lets the peak begin anew (proc_pid_clear_refs(5)). Throws Unavailable where that cannot be. */
export function resetPeak(pid: number): void {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5", { create: false });
  } catch (error) {
    throw new Unavailable("the peak of a process cannot be reset here", {
      cause: error,
    });
  }
}

/** Reads the text of `/proc/PID/status`. A process that has ended has no memory. */
export function parseStatus(text: string): Memory {
  function bytes(field: string): number {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return Number(kib ?? 0) * 1024;
  }
  return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
}
