/**
 * What Deno cannot set on the socket of a TLS listener, set from outside: by the
 * main thread, which finds the socket by its port.
 */

import type { Libc } from "./libc.ts";

/** Tables of sockets; of a process they show those of its network. */
const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/** TCP_LISTEN, as the tables have it. */
const LISTENS = "0A";

/**
 * How long a peer may take nothing of what was sent, or not answer at all, in
 * milliseconds: for what the deadlines do not see, such as the last words to a
 * peer that has vanished.
 */
const USER_TIMEOUT_MS = 90_000;

/**
 * Gives the connections of a listener what Deno has no function for; accepted
 * sockets inherit it (tcp(7)). Where it cannot be done everything works, if not
 * as well.
 *
 * - Small answers leave at once. Otherwise one that follows another, such as the
 *   first answer behind the end of a handshake, waits until that has been
 *   acknowledged: a round trip and 40 ms.
 * - The system itself ends connections with peers that take nothing.
 */
export function prepareListener(libc: Libc, port: number): void {
  try {
    for (const fd of listeningSockets(port)) {
      libc.setNoDelay(fd);
      libc.setUserTimeout(fd, USER_TIMEOUT_MS);
    }
  } catch {
    // No /proc.
  }
}

/** The descriptors of this process that listen on a port. */
export function listeningSockets(port: number): number[] {
  const links = new Set(
    inodesOf(port).map((inode) => `socket:[${inode}]`),
  );
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const link = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (links.has(link)) found.push(Number(name));
    } catch {
      // Closed meanwhile, such as the one for this folder.
    }
  }
  return found;
}

/** proc_pid_net(5): `sl local_address rem_address st ... inode`. */
function inodesOf(port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return TABLES.flatMap((table) => {
    const lines = Deno.readTextFileSync(table).split("\n").slice(1);
    return lines.map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) =>
        state === LISTENS && local?.endsWith(suffix)
      )
      .map((fields) => fields[9]!);
  });
}
