/** The floods, each against a server of its own, and what has to hold meanwhile. */

import { dial } from "../../tests/helpers/dial.ts";
import { PASSWORD } from "../../tests/helpers/netdisk.ts";
import { HELLO, type TestClient } from "../../tests/helpers/test_client.ts";
import type { CrowdOrder } from "./crowd_worker.ts";
import type { Answers, LoginsOrder } from "./logins_worker.ts";
import { enter, greet, type Route } from "./peers.ts";
import { Target, USER } from "./target.ts";

/** One figure and its bar; without one it only informs. */
export interface Figure {
  what: string;
  measured: string;
  bar?: string;
  met?: boolean;
}

/** How large the floods are. */
export interface Sizes {
  /** Silent connections, and as many with half a handshake. */
  crowd: number;
  /** Clients that do not read. */
  unread: number;
  idle: number;
  /** Logins at the same time. */
  logins: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** More than all buffers between the server's disk and a client hold. */
const LARGE_BYTES = 64 * MIB;

/** How long memory is watched, in milliseconds. */
const WATCH_MS = 10_000;

const LOGINS_MEASURED = 40;
const LISTS_A_LOGIN = 5;
/** Most of a login is the hashing of its password: what it takes without a flood. */
const LOGINS_ALONE = 10;
const USERS = 8;
const ADDRESSES = 20;

/** Many at a time, but not so many that they flood the flood. */
const LANES = 50;

const LIST = { type: "list", path: "" } as const;

function routeTo(target: Target, from: string): Route {
  const { port, certificate } = target;
  return { port, certificate, from };
}

/** Silent peers and half handshakes from one address; somebody at another one. */
export async function floodOfStrangers(
  { crowd }: Sizes,
  signal: AbortSignal,
): Promise<Figure[]> {
  await using target = await Target.start();
  const order: CrowdOrder = { port: target.port, silent: crowd, half: crowd };
  const route = routeTo(target, "127.9.9.9");
  const alone: number[] = [];
  const logins: number[] = [];
  const lists: number[] = [];
  let held = 0;
  for (let i = 0; i < LOGINS_ALONE; i++) {
    const [ms, client] = await timed(() => logIn(route));
    alone.push(ms);
    client.close();
  }
  const worker = workerOf("./crowd_worker.ts");
  try {
    await answerOf(worker, order);
    for (let i = 0; i < LOGINS_MEASURED; i++) {
      signal.throwIfAborted();
      const [ms, client] = await timed(() => logIn(route));
      logins.push(ms);
      for (let j = 0; j < LISTS_A_LOGIN; j++) {
        lists.push((await timed(() => client.ask(LIST, "entries")))[0]);
      }
      held = Math.max(held, target.connections);
      client.close();
    }
  } finally {
    worker.terminate();
  }
  const name = `${crowd} silent, ${crowd} half handshakes`;
  return [
    { ...latency("a login without a flood", alone), bar: "(to compare)" },
    latency(`${name}: login from elsewhere`, logins, 1500),
    latency(`${name}: ls from elsewhere`, lists, 100),
    { what: `${name}: connections that the server held`, measured: `${held}` },
    await gone(`${name}: left when they have gone`, target),
  ];
}

/** Clients that ask for a large file and never read; they do not leave either. */
export async function floodOfUnread(
  { unread }: Sizes,
  signal: AbortSignal,
): Promise<Figure[]> {
  await using target = await Target.start();
  const large = target.server.file(USER, "large");
  Deno.writeTextFileSync(large, "");
  Deno.truncateSync(large, LARGE_BYTES);
  const [token = ""] = target.tokens;
  const idle = target.memory;
  const clients: TestClient[] = [];
  using _closing = closingAll(clients);
  const peak = await target.peakDuring(async () => {
    await inLanes(unread, async () => {
      signal.throwIfAborted();
      const client = await dial(target.server);
      clients.push(client);
      await client.ask(HELLO, "hello");
      await client.ask({ type: "authenticate", token }, "session");
      await client.ask({ type: "get", path: "large", prefix: null }, "file");
    });
    await wait(WATCH_MS, signal);
  });
  const name = `${unread} clients that never read`;
  const each = (peak - idle) / unread;
  return [
    atMost(`${name}: memory of each, at the peak`, each, MIB),
    await gone(`${name}: left after a minute, while they stay`, target),
  ];
}

/** Clients that have logged in and do nothing. */
export async function floodOfIdle(
  { idle }: Sizes,
  signal: AbortSignal,
): Promise<Figure[]> {
  await using target = await Target.start(USERS);
  const before = target.memory;
  const clients: TestClient[] = [];
  let after = 0;
  {
    using _closing = closingAll(clients);
    await inLanes(idle, async (i) => {
      signal.throwIfAborted();
      const route = routeTo(target, `127.1.0.${1 + i % ADDRESSES}`);
      clients.push(await enter(route, target.tokens[i % USERS]!));
    });
    await wait(WATCH_MS, signal);
    after = target.memory;
    if (target.connections < idle) throw new Error("some were sent away");
  }
  const name = `${idle} idle clients`;
  return [
    atMost(`${name}: memory of each`, (after - before) / idle, 25 * KIB),
    await gone(`${name}: left when they have gone`, target),
  ];
}

/** Logins with a wrong password, and somebody who lists meanwhile. */
export async function floodOfLogins(
  { logins }: Sizes,
  signal: AbortSignal,
): Promise<Figure[]> {
  await using target = await Target.start();
  const client = await enter(routeTo(target, "127.9.9.9"), target.tokens[0]!);
  const lists: number[] = [];
  const before = target.memory;
  const worker = workerOf("./logins_worker.ts");
  const { port, server: { root } } = target;
  const order: LoginsOrder = { port, root, user: USER, count: logins };
  let answers: Answers = {};
  const peak = await target.peakDuring(async () => {
    let isOver = false;
    const answered = answerOf<Answers>(worker, order);
    answered.finally(() => isOver = true).catch(() => {});
    while (!isOver) {
      lists.push((await timed(() => client.ask(LIST, "entries")))[0]);
      await wait(5, signal);
    }
    answers = await answered;
  }).finally(() => worker.terminate());
  client.close();
  const name = `${logins} wrong passwords at once`;
  const told = Object.entries(answers).map(([code, n]) => `${n} ${code}`);
  return [
    atMost(`${name}: memory above idle`, peak - before, 350 * MIB),
    latency(`${name}: ls of others`, lists, 50),
    {
      what: `${name}: answers`,
      measured: told.join(", "),
      bar: "the excess is answered busy",
      met: (answers["refused"] ?? 0) + (answers["connection-lost"] ?? 0) === 0,
    },
    await gone(`${name}: left when they have gone`, target),
  ];
}

async function logIn(route: Route): Promise<TestClient> {
  const client = await greet(route);
  const login = { type: "login", user: USER, password: PASSWORD } as const;
  await client.ask(login, "session");
  return client;
}

function workerOf(module: string): Worker {
  return new Worker(new URL(module, import.meta.url), { type: "module" });
}

/** Tells a Worker what to do, and waits for what it says. */
function answerOf<T>(worker: Worker, order: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(order);
  });
}

async function inLanes(
  count: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: LANES }, async () => {
    while (next < count) await work(next++);
  }));
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function closingAll(clients: TestClient[]): Disposable {
  return { [Symbol.dispose]: () => clients.forEach((it) => it.close()) };
}

function latency(what: string, samples: number[], barMs?: number): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  const p99 = at(0.99);
  const measured = `p50 ${at(0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  if (barMs === undefined) return { what, measured };
  return {
    ...{ what, measured },
    bar: `p99 under ${barMs} ms`,
    met: p99 < barMs,
  };
}

function atMost(what: string, bytes: number, bar: number): Figure {
  return {
    what,
    measured: size(bytes),
    bar: `at most ${size(bar)}`,
    met: bytes <= bar,
  };
}

async function gone(what: string, target: Target): Promise<Figure> {
  const left = await target.settled();
  return { what, measured: `${left}`, bar: "none", met: left <= 0 };
}

function size(bytes: number): string {
  return bytes < MIB
    ? `${(bytes / KIB).toFixed(1)} KiB`
    : `${(bytes / MIB).toFixed(1)} MiB`;
}
