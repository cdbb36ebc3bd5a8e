/** What stdout is, and whether it may block; stream_writer.ts writes to it. */

import * as fs from "node:fs";
import type { OutputStream } from "./stream_writer.ts";

/** Opened, it is what stdout leads to, with flags of our own. */
const STDOUT_PATH = "/proc/self/fd/1";

/**
 * Stdout. On Linux a pipe is opened anew, for writes that never block: a thread
 * that sits in one hears no signal, as long as the reader takes nothing.
 */
export function openStdout(): OutputStream {
  if (Deno.build.os !== "linux") return Deno.stdout;
  try {
    if (!Deno.statSync(STDOUT_PATH).isFifo) return Deno.stdout;
    const { O_WRONLY, O_NONBLOCK } = fs.constants;
    const fd = fs.openSync(STDOUT_PATH, O_WRONLY | O_NONBLOCK);
    return {
      writeSync: (bytes) => fs.writeSync(fd, bytes),
      // Raw bytes are many, and leave the thread free as they are.
      write: (bytes) => Deno.stdout.write(bytes),
      isTerminal: () => false,
      isUnbuffered: true,
    };
  } catch {
    // Nobody reads, there is no /proc, or the pipe is another user's.
    return Deno.stdout;
  }
}

/** True if stdout is known not to block. It may be: the flag belongs to whoever shares the pipe. */
export function stdoutIsNonBlocking(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const info = Deno.readTextFileSync("/proc/self/fdinfo/1");
    const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "0";
    return (parseInt(flags, 8) & 0o4000) !== 0;
  } catch {
    return false;
  }
}
