/**
 * Connections that the server ends while their peers stay: the system has to
 * see them gone, not only the server's own books (deno-traps: a `close()` does
 * not always close).
 */

import { assert, assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { socketsOf } from "../helpers/descriptors.ts";
import { dial, dialAs } from "../helpers/dial.ts";
import { Disk } from "../helpers/disk.ts";

const ignore = Deno.build.os !== "linux";

/** The first bytes of a TLS handshake, and no more. */
const HALF_HELLO = Uint8Array.of(0x16, 3, 1, 2);

/** More than the longest deadline, on a slow machine. */
const PATIENCE_MS = 240_000;

const LARGE_BYTES = 64 * 1024 * 1024;

/** Connects and says so much, from the first address or another. */
async function connect(
  port: number,
  bytes = new Uint8Array(0),
): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await socket.write(bytes);
  return socket;
}

/** Starts a server with an account, whose connection may not have closed yet. */
async function started(...args: string[]): Promise<Disk> {
  const disk = new Disk();
  await disk.start(args, {});
  return disk;
}

type Mode = "TLS" | "plain";

/** Stalls in all ways, and waits until the server has none of the connections any more. */
async function stall(mode: Mode): Promise<void> {
  const disk = await started(...(mode === "TLS" ? [] : ["--plain"]));
  const { server } = disk;
  const { pid } = server.process;
  const base = socketsOf(pid);
  const silent: Deno.TcpConn[] = [];
  for (let i = 0; i < 20; i++) silent.push(await connect(server.port));
  for (let i = 0; i < 20; i++) {
    silent.push(await connect(server.port, HALF_HELLO));
  }
  Deno.truncateSync(disk.store("large", ""), LARGE_BYTES);
  const unread = [];
  for (let i = 0; i < 8; i++) {
    const peer = await dialAs(server, disk.client());
    await peer.send({ type: "get", path: "large", prefix: null });
    await peer.answer("file");
    unread.push(peer);
  }
  assert(socketsOf(pid) >= base + 28);
  await until(
    "the end of all connections",
    () => socketsOf(pid) <= base,
    PATIENCE_MS,
  );
  const word = mode === "TLS" ? /no TLS handshake within 10 s/ : /no login/;
  await server.logs(word);
  assertEquals(server.log.match(/ dropped .*moved for 60 s/g)?.length, 8);
  for (const socket of silent) socket.close();
  for (const peer of unread) peer.close();
  await disk.stop();
}

Deno.test({
  name: "peers that stall are gone after their deadline, over TLS and plain",
  ignore,
  async fn() {
    await Promise.all([stall("TLS"), stall("plain")]);
  },
});

for (const mode of ["TLS", "plain"] satisfies Mode[]) {
  Deno.test({
    name: `refused connections over ${mode} are gone at once`,
    ignore,
    async fn() {
      const args = ["--max-connections", "2"];
      const disk = await started(
        ...args,
        ...(mode === "TLS" ? [] : ["--plain"]),
      );
      const { server } = disk;
      const { pid } = server.process;
      const base = socketsOf(pid);
      const inside = [
        await dialAs(server, disk.client()),
        await dialAs(server, disk.client()),
      ];
      const refused: Deno.TcpConn[] = [];
      for (let i = 0; i < 20; i++) {
        refused.push(await connect(server.port, HALF_HELLO).catch(() => null!));
      }
      await server.logs(/ refused peer=\S+ reason="too many connections"/);
      await until("two", () => socketsOf(pid) <= base + 2);
      for (const peer of inside) await peer.ask({ type: "ping" }, "pong");
      for (const peer of inside) peer.close();
      await until("none", () => socketsOf(pid) <= base);
      using another = await dial(server);
      await another.send({ type: "ping" });
      for (const socket of refused) socket?.close();
      await disk.stop();
    },
  });
}
