import { assertEquals } from "@std/assert";
import { until } from "./deadline.ts";
import { Gate } from "./gate.ts";

/** Gives back whatever comes, until the other side ends. */
function echoServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = (async () => {
    for await (const connection of listener) {
      await connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await ended;
    },
  };
}

function connect(gate: Gate): Promise<Deno.TcpConn> {
  const [hostname = "", port] = gate.address.split(":");
  return Deno.connect({ hostname, port: Number(port) });
}

async function read(connection: Deno.Conn): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer);
  if (count === null) return null;
  return new TextDecoder().decode(buffer.subarray(0, count));
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("Gate passes bytes and ends on, and keeps what clients sent", async () => {
  await using server = echoServer();
  await using gate = new Gate(server.port);
  using client = await connect(gate);
  await client.write(bytes("hello"));
  assertEquals(await read(client), "hello");
  await client.closeWrite();
  assertEquals(await read(client), null);
  assertEquals(gate.sent, [bytes("hello")]);
});

for (const direction of ["up", "down"] as const) {
  Deno.test(`Gate holds bytes ${direction} until it is opened`, async () => {
    await using server = echoServer();
    await using gate = new Gate(server.port);
    gate.hold(direction, 3);
    using client = await connect(gate);
    await client.write(bytes("hello"));
    await gate.holds();
    assertEquals(await read(client), "hel");
    gate.open();
    assertEquals(await read(client), "lo");
  });
}

Deno.test("Gate tells the server when the client goes", async () => {
  await using server = echoServer();
  await using gate = new Gate(server.port);
  const client = await connect(gate);
  await client.write(bytes("a"));
  await until("kept", () => gate.sent[0]?.length === 1);
  client.close();
  using next = await connect(gate);
  // The echo server serves one after the other.
  await next.write(bytes("b"));
  assertEquals(await read(next), "b");
});

Deno.test("Gate.cut() ends what goes on, held or not", async () => {
  await using server = echoServer();
  await using gate = new Gate(server.port);
  gate.hold("down", 3);
  using client = await connect(gate);
  await client.write(bytes("hello"));
  await gate.holds();
  await gate.cut();
  assertEquals(await read(client), "hel");
  assertEquals(await read(client), null);
});

for (const direction of ["up", "down"] as const) {
  Deno.test(`Gate.damage() changes one byte ${direction}`, async () => {
    await using server = echoServer();
    await using gate = new Gate(server.port);
    gate.damage(direction, 7);
    using client = await connect(gate);
    await client.write(bytes("hello"));
    assertEquals(await read(client), "hello");
    await client.write(bytes("hello"));
    assertEquals(await read(client), "hemlo");
    await client.write(bytes("hello"));
    assertEquals(await read(client), "hello");
  });
}
