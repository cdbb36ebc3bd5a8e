import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  MAX_HEAD_BYTES,
  MAX_SCRAPERS,
  type MetricsServerOptions,
  serveMetrics,
} from "../../server/metrics_server.ts";
import { until, within } from "../helpers/deadline.ts";
import { socketsOf } from "../helpers/descriptors.ts";

/** A server of metrics, and those who ask it. */
class Scraped implements Disposable {
  readonly port: number;
  #close: () => void;
  #sockets: Deno.Conn[] = [];

  private constructor(port: number, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  static async start(
    options: Partial<MetricsServerOptions> = {},
  ): Promise<Scraped> {
    const { port, close } = await serveMetrics({
      hostname: "127.0.0.1",
      port: 0,
      read: () => Promise.resolve("up 1\n"),
      ...options,
    });
    return new Scraped(port, close);
  }

  async connect(): Promise<Deno.Conn> {
    const { port } = this;
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#sockets.push(socket);
    return socket;
  }

  /** All that is answered to some bytes. */
  async ask(text: string): Promise<string> {
    const socket = await this.connect();
    await socket.write(new TextEncoder().encode(text));
    return await restOf(socket);
  }

  [Symbol.dispose](): void {
    this.#close();
    for (const socket of this.#sockets) socket.close();
  }
}

/** What comes up to the end, however that is. */
async function restOf(socket: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(4096);
  let text = "";
  try {
    for (;;) {
      const count = await within("the end", socket.read(bytes));
      if (count === null) return text;
      text += new TextDecoder().decode(bytes.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return text;
    throw error;
  }
}

const GET = "GET /metrics HTTP/1.1\r\nHost: localhost:9463\r\n\r\n";

Deno.test("GET /metrics is answered, with the type that Prometheus wants", async () => {
  using server = await Scraped.start();
  const answer = await server.ask(GET);
  const [head, body] = answer.split("\r\n\r\n");
  assertEquals(body, "up 1\n");
  assert(head!.startsWith("HTTP/1.1 200 OK\r\n"), head);
  assert(head!.includes("Content-Type: text/plain; version=0.0.4;"), head);
  assert(head!.includes("Content-Length: 5\r\n"), head);
});

Deno.test("HEAD is answered as GET is, without the numbers", async () => {
  using server = await Scraped.start();
  const [head, body] = (await server.ask(GET)).split("\r\n\r\n");
  assertEquals(body, "up 1\n");
  const answer = await server.ask(GET.replace("GET", "HEAD"));
  assertEquals(answer, `${head}\r\n\r\n`);
});

Deno.test("everything else is refused", async () => {
  using server = await Scraped.start();
  const long = "x".repeat(MAX_HEAD_BYTES + 1);
  const cases: [request: string, status: number][] = [
    ["GET /metrics?name=x HTTP/1.0\n\n", 200],
    ["GET /metrics HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", 200],
    ["GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 200],
    ["GET / HTTP/1.1\r\n\r\n", 404],
    ["GET /metrics/ HTTP/1.1\r\n\r\n", 404],
    ["GET /../metrics HTTP/1.1\r\n\r\n", 404],
    ["POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405],
    ["DELETE /metrics HTTP/1.1\r\n\r\n", 405],
    ["POST / HTTP/1.1\r\n\r\n", 404],
    // A web page that a browser here shows, and whose name leads to us.
    ["GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421],
    ["GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9\r\n\r\n", 421],
    ["GET /metrics HTTP/2.0\r\n\r\n", 400],
    ["get /metrics HTTP/1.1\r\n\r\n", 400],
    ["\x16\x03\x01\x02\x00\x01\r\n\r\n", 400],
    [`GET /metrics HTTP/1.1\r\nX: ${long}`, 431],
    [`GET /metrics HTTP/1.1\r\nX: ${long}\r\n\r\n`, 431],
  ];
  for (const [request, status] of cases) {
    const answer = await server.ask(request);
    assertEquals(answer.slice(9, 12), `${status}`, request.slice(0, 60));
  }
});

Deno.test("a request may come in pieces", async () => {
  using server = await Scraped.start();
  const socket = await server.connect();
  for (const byte of new TextEncoder().encode(GET)) {
    await socket.write(Uint8Array.of(byte));
  }
  assert((await restOf(socket)).endsWith("\r\n\r\nup 1\n"));
});

Deno.test("who has no numbers says so", async () => {
  const read = () => Promise.reject(new Error("busy"));
  using server = await Scraped.start({ read });
  assert((await server.ask(GET)).startsWith("HTTP/1.1 503 "));
});

Deno.test("who never asks is ended, and gives the descriptor back", async () => {
  const before = socketsOf(Deno.pid);
  {
    using server = await Scraped.start({ requestMs: 50 });
    const silent = await server.connect();
    const slow = await server.connect();
    await slow.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nX: "));
    assertEquals([await restOf(silent), await restOf(slow)], ["", ""]);
    // Its own ends and the listener are still there.
    await until("closed sockets", () => socketsOf(Deno.pid) <= before + 3);
  }
  await until("no socket", () => socketsOf(Deno.pid) <= before);
});

Deno.test("there is room for some at a time, and again when they have left", async () => {
  using server = await Scraped.start();
  const many: Deno.Conn[] = [];
  for (let i = 0; i < MAX_SCRAPERS; i++) many.push(await server.connect());
  // Taken in their order: the next one is one too many.
  assertEquals(await server.ask(GET), "");
  for (const socket of many) await socket.write(new TextEncoder().encode(GET));
  for (const socket of many) assert((await restOf(socket)).includes("200 OK"));
  await until("room", async () => (await server.ask(GET)).includes("200 OK"));
});

Deno.test("a port in use fails with its code", async () => {
  using server = await Scraped.start();
  const error = await assertRejects(() => Scraped.start({ port: server.port }));
  assertEquals((error as { code?: string }).code, "EADDRINUSE");
});
