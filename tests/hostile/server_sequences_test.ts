/**
 * Messages that are well formed and come at the wrong time, from strangers and
 * users, over plain TCP and TLS: refused as SPEC.md says, with nothing done.
 */

import { assertEquals } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import { until } from "../helpers/deadline.ts";
import { dial, type Peer } from "../helpers/dial.ts";
import type { Disk } from "../helpers/disk.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import {
  commitOf,
  HELLO,
  putRequest,
  sha256Of,
} from "../helpers/test_client.ts";
import { assertServes, logIn, watchedDisk, WAYS } from "./watched_disk.ts";

const DATA = "data";
type Sent = Request | typeof DATA;

interface Sequence {
  name: string;
  send: Sent[];
  /** The answers, errors by their code; behind `protocol` comes the end. */
  answers: string[];
}

const ping: Request = { type: "ping" };
const list: Request = { type: "list", path: "" };
const commit = commitOf("x");
const cancel: Request = { type: "cancel" };
const waiting: Request = { type: "waiting" };
const prefix: Request = { type: "prefix", sha256: sha256Of("x") };
const put = putRequest("put", 1);
const asked = putRequest("put", 1, { ask: true });
const authenticate: Request = { type: "authenticate", token: "t".repeat(43) };
const credentials = { user: "eve", password: PASSWORD };
const IN_UPLOAD = [commit, cancel, prefix];

/** Everything that needs an account, once. */
const FOR_USERS: Request[] = [
  list,
  { type: "stat", path: "" },
  { type: "digest", path: "x" },
  { type: "get", path: "x", prefix: null },
  { type: "mkdir", path: "x", parents: true, mtime: null },
  { type: "move", from: "x", to: "y", replace: true },
  { type: "remove", path: "x", recursive: true },
  { type: "touch", path: "x", mtime: 0, executable: null },
  { type: "logout", all: false },
  { type: "logout", all: true },
  { type: "sessions" },
  { type: "quota" },
  { type: "passwd", old: PASSWORD, new: PASSWORD },
  { type: "compose", to: "eve", draft: sha256Of("x") },
  { type: "deliver", draft: sha256Of("x"), files: 0, message: "" },
  { type: "abandon", draft: sha256Of("x") },
  { type: "leave" },
  { type: "unread" },
  { type: "inbox", before: null },
  { type: "open", number: 1 },
  { type: "read", number: 1 },
  { type: "save", number: 1, to: "" },
  { type: "discard", number: 1 },
  { type: "block", user: "eve", blocked: true },
  { type: "blocked" },
  { type: "coming" },
  asked,
];

function one(send: Sent[], ...answers: string[]): Sequence {
  const names = send.map((it) => it === DATA ? it : it.type);
  return { name: names.join(", "), send, answers };
}

const FROM_STRANGERS: readonly Sequence[] = [
  ...[ping, list, put, commit, cancel, authenticate]
    .map((first) => one([first, HELLO], "protocol")),
  one([HELLO, HELLO, ping], "hello", "protocol"),
  one([HELLO, DATA], "hello", "protocol"),
  ...IN_UPLOAD.map((it) => one([HELLO, it, ping], "hello", "protocol")),
  ...FOR_USERS.map((it) =>
    one([HELLO, it, ping], "hello", "unauthenticated", "pong")
  ),
  one([HELLO, put, DATA, commit], "hello", "unauthenticated", "protocol"),
  one(
    [HELLO, ...Array<Request>(4).fill(authenticate), ping],
    ...["hello", "unauthenticated", "unauthenticated", "unauthenticated"],
    "protocol",
  ),
  {
    name: "another version",
    send: [{ ...HELLO, version: 2 }, ping],
    answers: ["version"],
  },
];

const FROM_USERS: readonly Sequence[] = [
  one([HELLO, ping], "protocol"),
  one([authenticate, ping], "protocol"),
  one([{ type: "login", ...credentials }, ping], "protocol"),
  one([{ type: "register", ...credentials, invite: null }, ping], "protocol"),
  one([DATA, ping], "protocol"),
  ...IN_UPLOAD.map((it) => one([it, ping], "protocol")),
  ...[ping, list, put, asked, HELLO, ...FOR_USERS.slice(1)]
    .map((it) => one([put, it, ping], "protocol")),
  // It says only that the client is there.
  one([waiting, waiting, ping], "pong"),
  one([put, prefix, ping], "protocol"),
  one([put, DATA, prefix, ping], "protocol"),
  one([asked, DATA, prefix], "continue", "protocol"),
  one([put, cancel, cancel, ping], "cancelled", "protocol"),
  one(
    [put, DATA, commitOf("x".repeat(4)), commit, ping],
    "integrity",
    "protocol",
  ),
  one([put, commit, ping], "integrity", "pong"),
  one([put, DATA, DATA, commit, ping], "integrity", "pong"),
  one([put, DATA, commitOf("hash"), ping], "integrity", "pong"),
  one(
    [putRequest("put", 2 ** 53 - 1, { ask: true }), ping],
    "disk-full",
    "pong",
  ),
  one([putRequest("", 1), DATA, commit, ping], "is-folder", "pong"),
  one([putRequest("", 1, { ask: true }), ping], "is-folder", "pong"),
  one(
    [{ type: "move", from: "", to: "x", replace: true }, ping],
    "denied",
    "pong",
  ),
  one(
    [{ type: "move", from: "x", to: "", replace: true }, ping],
    "not-found",
    "pong",
  ),
  one([{ type: "remove", path: "", recursive: true }, ping], "denied", "pong"),
];

for (const way of WAYS) {
  const disk = watchedDisk(way);
  const groups = [
    ["a stranger", FROM_STRANGERS, () => dial(disk.server)],
    ["a user", FROM_USERS, () => logIn(disk)],
  ] as const;
  for (const [who, sequences, open] of groups) {
    Deno.test(`${way}: ${who} sends what is out of order`, async (t) => {
      for (const { name, send, answers } of sequences) {
        await t.step(name, async () => {
          using peer = await open();
          await sendAll(peer, send);
          await peer.end().catch(() => {});
          assertEquals(await wordsOf(peer), answers);
          await assertNothingDone(disk);
        });
      }
      await assertServes(disk);
    });
  }

  Deno.test(`${way}: a session that has ended is worth nothing`, async () => {
    using peer = await dial(disk.server);
    await peer.ask(HELLO, "hello");
    const { token } = await peer.ask(
      { type: "register", ...credentials, invite: null },
      "session",
    );
    await sendAll(peer, [{ type: "logout", all: false }, list, put, ping]);
    assertEquals(await wordsOf(peer), ["ok"]);
    using later = await dial(disk.server);
    await sendAll(later, [
      HELLO,
      { type: "authenticate", token: token! },
      list,
    ]);
    await later.end();
    const refused = ["hello", "unauthenticated", "unauthenticated"];
    assertEquals(await wordsOf(later), refused);
    assertEquals(disk.server.log.includes(token!), false);
  });

  Deno.test(`${way}: a put whose sender leaves is not stored, others work meanwhile`, async () => {
    using peer = await logIn(disk);
    await peer.send(putRequest("put", 200_000));
    await peer.sendData(new Uint8Array(100_000));
    await disk.server.holdsPartial(1);
    await assertServes(disk);
    await peer.end();
    await disk.server.logs(
      new RegExp(
        ` lost peer=127\\.0\\.0\\.1:${peer.port} .*the connection ended`,
      ),
    );
    // An asked one may stay, to be gone on with.
    await until("the end of the partial upload", () => {
      return !disk.server.uploads().some((path) => /\bt-/.test(path));
    });
    await assertNothingDone(disk);
  });

  Deno.test(`${way}: others work while many strangers are silent`, async () => {
    const peers: Peer[] = [];
    for (let i = 0; i < 50; i++) peers.push(await dial(disk.server));
    for (const peer of peers) await peer.sendRaw(Uint8Array.of(0, 0));
    await assertServes(disk);
    for (const peer of peers) peer.close();
  });
}

async function sendAll(peer: Peer, sent: readonly Sent[]): Promise<void> {
  try {
    for (const it of sent) {
      await (it === DATA ? peer.sendData("x") : peer.send(it));
    }
  } catch {
    // The server has closed: what it said can still be read.
  }
}

/** All answers: what they are, of errors the code. */
async function wordsOf(peer: Peer): Promise<string[]> {
  const answers = await peer.rest();
  return answers.map((it) =>
    it instanceof Uint8Array ? DATA : it.type === "error" ? it.code : it.type
  );
}

/** Only what {@link assertServes} stores is there. */
async function assertNothingDone(disk: Disk): Promise<void> {
  using peer = await logIn(disk);
  const { entries } = await peer.ask(list, "entries");
  assertEquals(entries.map(({ name }) => name), ["served"]);
}
