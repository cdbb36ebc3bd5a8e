/** What a process has open, as the system sees it. */

/** The number of sockets that a process holds. */
export function socketsOf(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const link = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      if (link.startsWith("socket:")) count++;
    } catch {
      // Closed meanwhile.
    }
  }
  return count;
}
