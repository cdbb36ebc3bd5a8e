/** Waits until earlier runs have left the disk alone, so that nobody pays for another's. */
import { findProgram, run } from "./process.ts";

const POLL_MS = 20;
/** How many looks in a row must find nothing. */
const QUIET_LOOKS = 6;
/** Discards take seconds. Where the disk is never quiet, waiting for it must end soon. */
const PATIENCE_MS = { most: 10_000, least: 500 };

/** The disk below a folder, if there is one. */
export class Disk {
  readonly #dir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #device: string;
  #patienceMs = PATIENCE_MS.most;
  /** How often it was waited for, and how often in vain. */
  readonly waits = { all: 0, inVain: 0 };

  constructor(dir: string, env: Readonly<Record<string, string>>) {
    this.#dir = dir;
    this.#env = env;
    this.#device = blockDeviceOf(Deno.statSync(dir).dev);
  }

  /** Writes back what there is, and waits for the disk, within a limit. */
  async settle(signal: AbortSignal): Promise<void> {
    const sync = Deno.build.os === "linux" ? findProgram("sync") : undefined;
    if (sync) {
      const args = ["-f", this.#dir];
      // A `sync` that does not know -f is no reason to stop.
      await run(
        { program: sync, args, cwd: this.#dir, env: this.#env },
        signal,
      );
    }
    this.waits.all++;
    if (await this.#becomesQuiet(signal)) {
      this.#patienceMs = PATIENCE_MS.most;
    } else {
      this.waits.inVain++;
      this.#patienceMs = Math.max(this.#patienceMs / 2, PATIENCE_MS.least);
    }
  }

  /**
   * Removed blocks are discarded after the sync that makes the removal last, so
   * an idle look can be followed by a busy one.
   */
  async #becomesQuiet(signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + this.#patienceMs;
    let looks = 0;
    let before: string | undefined;
    while (looks < QUIET_LOOKS) {
      const state = await lookAt(this.#device);
      // A file system without a block device, such as a tmpfs.
      if (state === undefined) return true;
      looks = state.isIdle && state.discards === before ? looks + 1 : 0;
      before = state.discards;
      if (performance.now() > deadline) return false;
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return true;
  }
}

/** The folder in /sys of the block device with a number, as stat() tells it. */
export function blockDeviceOf(dev: number): string {
  const number = BigInt(dev);
  const major = (number >> 8n & 0xfffn) | (number >> 32n & 0xffff_f000n);
  const minor = (number & 0xffn) | (number >> 12n & 0xffff_ff00n);
  return `/sys/dev/block/${major}:${minor}`;
}

/** What a block device is doing. */
interface Look {
  /** No request is under way. */
  isIdle: boolean;
  /** The discards so far. */
  discards: string;
}

async function lookAt(device: string): Promise<Look | undefined> {
  try {
    const inflight = await Deno.readTextFile(`${device}/inflight`);
    return parseLook(inflight, await Deno.readTextFile(`${device}/stat`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What `inflight` and `stat` of a block device say (the kernel's block/stat.rst). */
export function parseLook(inflight: string, stat: string): Look {
  const counts = inflight.trim().split(/\s+/).map(Number);
  const discards = stat.trim().split(/\s+/).slice(11, 15).join(" ");
  return { isIdle: counts.every((count) => count === 0), discards };
}
