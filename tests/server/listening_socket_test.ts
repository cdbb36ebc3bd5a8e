import { assertEquals } from "@std/assert";
import { Libc } from "../../server/libc.ts";
import {
  listeningSockets,
  prepareListener,
} from "../../server/listening_socket.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_USER_TIMEOUT = 18;

/** Whether a socket sends small pieces at once, as the system has it. */
function hasNoDelay(fd: number): boolean {
  return optionOf(fd, TCP_NODELAY) === 1;
}

function optionOf(fd: number, name: number): number {
  const libc = Deno.dlopen("libc.so.6", {
    getsockopt: {
      parameters: ["i32", "i32", "i32", "buffer", "buffer"],
      result: "i32",
    },
  });
  const value = new Int32Array(1);
  const size = new Uint32Array([4]);
  const option = [IPPROTO_TCP, name] as const;
  const result = libc.symbols.getsockopt(fd, ...option, value, size);
  libc.close();
  assertEquals(result, 0);
  return value[0]!;
}

const libc = Libc.load();
const ignore = libc === undefined;

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(
    `a listener on ${hostname}, and no other, sends small answers at once`,
    {
      ignore,
    },
    () => {
      using listener = Deno.listen({ hostname, port: 0 });
      using other = Deno.listen({ hostname, port: 0 });
      const [fd, ...more] = listeningSockets(listener.addr.port);
      assertEquals([more, hasNoDelay(fd!)], [[], false]);
      prepareListener(libc!, listener.addr.port);
      assertEquals(hasNoDelay(fd!), true);
      const [otherFd] = listeningSockets(other.addr.port);
      assertEquals(hasNoDelay(otherFd!), false);
    },
  );
}

Deno.test(
  "what a listener accepts inherits its options",
  { ignore },
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    prepareListener(libc!, port);
    using peer = await Deno.connect({ hostname: "127.0.0.1", port });
    using _accepted = await listener.accept();
    const accepted = [...Deno.readDirSync("/proc/self/fd")]
      .map(({ name }) => Number(name))
      .find((fd) =>
        libc!.peerAddress(fd)?.getUint16(2) === peer.localAddr.port
      );
    assertEquals(hasNoDelay(accepted!), true);
    assertEquals(optionOf(accepted!, TCP_USER_TIMEOUT), 90_000);
  },
);

Deno.test("a port on which nobody listens is no error", { ignore }, () => {
  const { port } = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr;
  })();
  assertEquals(listeningSockets(port), []);
  prepareListener(libc!, port);
});
