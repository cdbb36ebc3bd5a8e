/**
 * Answers `GET /metrics` (and HEAD) to programs on this machine, and nothing else. It is no
 * web server: a request line and headers of a bounded size in a bounded time,
 * one answer, the end. On node:net, as only its `destroy()` really closes a
 * socket from which nothing comes (Deno 2.8 and plain TCP), and as neither
 * Deno.serve nor node:http ends requests that never end.
 */

import { createServer, type Server, type Socket } from "node:net";
import { hostOf, isLoopback } from "./address.ts";

/** Connections at a time: Prometheus has one. More are closed at once. */
export const MAX_SCRAPERS = 16;

/** Of a request line with its headers. */
export const MAX_HEAD_BYTES = 8 * 1024;

/** From the connection to the end of the answer, in milliseconds. */
const REQUEST_MS = 10_000;

/**
 * The runtime on which netdisk is compiled counts the connections it has taken,
 * never those that have ended, and takes none any more beyond the backlog (512
 * by default: some hours of Prometheus). This is the highest that it understands;
 * how many may wait, the system limits.
 */
const BACKLOG = 2 ** 30 - 1;

const TYPE_METRICS = "text/plain; version=0.0.4; charset=utf-8";
const TYPE_TEXT = "text/plain; charset=utf-8";

interface Answer {
  status: string;
  body: string;
  headers?: string[];
}

export interface MetricsServerOptions {
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** The metrics. It may fail. */
  read: () => Promise<string>;
  /** Default 10 s. */
  requestMs?: number;
}

/**
 * Listens until the server is closed.
 *
 * @throws Error with a code, such as EADDRINUSE
 */
export async function serveMetrics(
  { hostname, port, read, requestMs = REQUEST_MS }: MetricsServerOptions,
): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    if (sockets.size >= MAX_SCRAPERS) return void socket.destroy();
    sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), requestMs);
    socket.on("close", () => {
      clearTimeout(timer);
      sockets.delete(socket);
    });
    readHead(socket, async (head) => {
      const answer = await answerTo(head, read);
      // Behind the answer: the peer may have bytes on the way, whose refusal
      // would take the answer with it.
      socket.end(encodeAnswer(answer, head), () => socket.destroySoon());
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: hostname, backlog: BACKLOG }, resolve);
  });
  server.on("error", () => {});
  return {
    port: (server.address() as { port: number }).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Calls back once, with all up to the empty line; undefined when that is too long. */
function readHead(
  socket: Socket,
  take: (head: string | undefined) => void,
): void {
  let head = "";
  let isTaken = false;
  socket.setEncoding("latin1");
  socket.on("data", (some: string) => {
    if (isTaken) return;
    head += some;
    const end = head.search(/\r?\n\r?\n/);
    isTaken = end >= 0 || head.length > MAX_HEAD_BYTES;
    if (!isTaken) return;
    const fits = end >= 0 && end <= MAX_HEAD_BYTES;
    take(fits ? head.slice(0, end) : undefined);
  });
  socket.on("end", () => isTaken || socket.destroy());
}

async function answerTo(
  head: string | undefined,
  read: () => Promise<string>,
): Promise<Answer> {
  if (head === undefined) {
    return refuse("431 Request Header Fields Too Large");
  }
  const [line = "", ...headers] = head.split(/\r?\n/);
  const [, method, target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(line) ??
    [];
  if (method === undefined) return refuse("400 Bad Request");
  if (!isOurName(headers)) {
    return refuse(
      "421 Misdirected Request",
      "ask for localhost: a proxy has to send 'Host: localhost'",
    );
  }
  if (target.replace(/\?.*$/, "") !== "/metrics") {
    return refuse("404 Not Found", "look at /metrics");
  }
  if (method !== "GET" && method !== "HEAD") {
    const headers = ["Allow: GET, HEAD"];
    return { ...refuse("405 Method Not Allowed"), headers };
  }
  try {
    return {
      status: "200 OK",
      body: await read(),
      headers: [`Content-Type: ${TYPE_METRICS}`],
    };
  } catch {
    return refuse("503 Service Unavailable", "the server is too busy");
  }
}

/**
 * Whether it is we who are meant: to a web page whose name leads to 127.0.0.1
 * all of a day (DNS rebinding) a browser would show what we answer.
 */
function isOurName(headers: readonly string[]): boolean {
  const [, host] = headers.map((line) => /^host:\s*(\S*)\s*$/i.exec(line))
    .find((match) => match !== null) ?? [];
  if (host === undefined) return true;
  const name = hostOf(/:\d+$/.test(host) ? host : `${host}:80`);
  return name.toLowerCase() === "localhost" || isLoopback(name);
}

function refuse(status: string, reason = status.slice(4)): Answer {
  return { status, body: `${reason}\n` };
}

function encodeAnswer(
  { status, body, headers = [`Content-Type: ${TYPE_TEXT}`] }: Answer,
  head: string | undefined,
): string {
  const length = new TextEncoder().encode(body).length;
  const lines = [
    `HTTP/1.1 ${status}`,
    ...headers,
    `Content-Length: ${length}`,
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  const isHead = head?.startsWith("HEAD ") ?? false;
  return `${lines.join("\r\n")}\r\n\r\n${isHead ? "" : body}`;
}
