/** How many connections the server takes: what it is told, and what the system allows. */

import type { Libc } from "./libc.ts";

/** Unless `serve --max-connections` says otherwise. */
export const DEFAULT_MAX_CONNECTIONS = 10_000;

/** More descriptors than this are of no use, and cost memory in the kernel. */
const MAX_DESCRIPTORS = 1_048_576n;

/**
 * The part of the descriptors that connections may take. The rest is for the
 * files that they read and write; one that finds none is answered `busy`.
 */
const CONNECTIONS_SHARE = 0.8;

/** What the server has open when nobody is there, 40, and some to spare. */
const OWN_DESCRIPTORS = 64;

/** `Max open files  SOFT  HARD  files` (proc_pid_limits(5)). */
const SOFT_LIMIT = /^Max open files\s+(\d+)/m;

/**
 * Raises the number of descriptors that the process may have as far as it may
 * go. A compiled program begins with what its shell gives, often 1024.
 *
 * @returns the number; undefined where the system does not tell
 */
export function raiseDescriptorLimit(
  libc: Pick<Libc, "descriptorLimit" | "setDescriptorLimit"> | undefined,
): number | undefined {
  if (!libc) return readSoftLimit();
  try {
    const { soft, hard } = libc.descriptorLimit();
    const wanted = hard < MAX_DESCRIPTORS ? hard : MAX_DESCRIPTORS;
    if (wanted > soft) libc.setDescriptorLimit(wanted, hard);
    return Number(wanted > soft ? wanted : soft);
  } catch {
    return readSoftLimit();
  }
}

/** The most connections at a time. */
export function connectionLimit(
  asked: number | null,
  descriptors: number | undefined,
): number {
  const wanted = asked ?? DEFAULT_MAX_CONNECTIONS;
  if (descriptors === undefined) return wanted;
  const share = Math.floor(descriptors * CONNECTIONS_SHARE) - OWN_DESCRIPTORS;
  return Math.max(1, Math.min(wanted, share));
}

function readSoftLimit(): number | undefined {
  try {
    const [, soft] =
      SOFT_LIMIT.exec(Deno.readTextFileSync("/proc/self/limits")) ??
        [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
