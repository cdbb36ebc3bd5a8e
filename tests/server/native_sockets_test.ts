import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Libc } from "../../server/libc.ts";
import { NativeSockets } from "../../server/native_sockets.ts";
import { errnoOf } from "../../server/os_errors.ts";
import { MAX_EVICTED } from "../../server/privileged_calls.ts";
import { within } from "../helpers/deadline.ts";

const libc = Libc.load();
const ignore = libc === undefined;

/** What the listener accepts, and the other end of it. */
interface Pair extends Disposable {
  accepted: Deno.TcpConn;
  peer: Deno.TcpConn;
  name: { hostname: string; port: number };
}

async function connect(listener: Deno.TcpListener): Promise<Pair> {
  const { hostname, port } = listener.addr;
  const [accepted, peer] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname, port }),
  ]);
  return {
    accepted,
    peer,
    name: accepted.remoteAddr,
    [Symbol.dispose]() {
      accepted.close();
      peer.close();
    },
  };
}

/** Whether bytes still come through. */
async function isAlive({ accepted, peer }: Pair): Promise<boolean> {
  try {
    await accepted.write(new Uint8Array(1));
    return await within("a byte", peer.read(new Uint8Array(1))) === 1;
  } catch {
    return false;
  }
}

for (const hostname of ["127.0.0.1", "::1", "::"]) {
  Deno.test({
    name: `evict() ends the connections that it is given, on ${hostname}`,
    ignore,
    async fn() {
      using listener = Deno.listen({ hostname, port: 0 });
      const sockets = new NativeSockets(libc!);
      sockets.port = listener.addr.port;
      using kept = await connect(listener);
      using ended = await connect(listener);
      using another = await connect(listener);
      sockets.evict([ended.name, another.name]);
      assertEquals(
        [await isAlive(kept), await isAlive(ended), await isAlive(another)],
        [true, false, false],
      );
      // They are not there any more, which is no error.
      sockets.evict([ended.name, another.name]);
      assertEquals(await isAlive(kept), true);
      sockets.close();
    },
  });
}

Deno.test({
  name: "evict() finds an IPv4 client of an IPv6 listener under both its names",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "::", port: 0 });
    const { port } = listener.addr;
    const sockets = new NativeSockets(libc!);
    sockets.port = port;
    for (const prefix of ["", "::ffff:"]) {
      const [accepted, peer] = await Promise.all([
        listener.accept(),
        Deno.connect({ hostname: "127.0.0.1", port }),
      ]);
      const name = {
        hostname: `${prefix}127.0.0.1`,
        port: peer.localAddr.port,
      };
      sockets.evict([name]);
      await assertRejects(() => accepted.write(new Uint8Array(1)));
      accepted.close();
      peer.close();
    }
    sockets.close();
  },
});

Deno.test({
  name: "evict() leaves alone what is not the server's",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const sockets = new NativeSockets(libc!);
    using pair = await connect(listener);
    // Before it is known where the server listens.
    sockets.evict([pair.name]);
    sockets.port = other.addr.port;
    sockets.evict([pair.name]);
    sockets.port = listener.addr.port;
    const { port } = pair.name;
    sockets.evict([{ hostname: "127.0.0.2", port }]);
    sockets.evict([{ hostname: "127.0.0.1", port: port ^ 1 }]);
    // The other end of it is ours here, and no connection of the server's.
    sockets.evict([listener.addr]);
    assertEquals(await isAlive(pair), true);
    sockets.close();
  },
});

Deno.test({
  name: "evict() takes a bounded list of peers and nothing else",
  ignore,
  fn() {
    const sockets = new NativeSockets(libc!);
    const peer = { hostname: "127.0.0.1", port: 1 };
    for (
      const wrong of [
        ...[null, undefined, "127.0.0.1:1", peer, [null], [1], [{}]],
        ...["", "localhost", "127.0.0.1:1", 1].map((hostname) => [
          { ...peer, hostname },
        ]),
        ...[0, -1, 65536, 1.5, "1", NaN].map((port) => [{ ...peer, port }]),
        new Array(MAX_EVICTED + 1).fill(peer),
      ]
    ) {
      const error = assertThrows(() => sockets.evict(wrong));
      assertEquals(errnoOf(error), "EINVAL", JSON.stringify(wrong));
    }
    sockets.evict(new Array(MAX_EVICTED).fill(peer));
    sockets.evict([]);
    sockets.close();
  },
});
