/**
 * Names that would drive a terminal, from the server, the disk and the command
 * line: whatever shows them shows them escaped, and `--json` keeps them.
 */

import { assert, assertEquals } from "@std/assert";
import type { Entry, Response } from "../../protocol/messages.ts";
import { PARCELS } from "../../protocol/parcels.ts";
import { remoteName } from "../../protocol/remote_path.ts";
import { type Lie, meet } from "../helpers/lying_server.ts";
import { type FakeServer, receiptOf } from "../helpers/fake_server.ts";

/** Legal in a path: bidi controls, separators, what has no width, a tag. */
const HIDDEN = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e" +
  "\u2028\u2029\u2060\u2066\u2067\u2068\u2069\ufeff\u{e0041}";
/** C0 but for what a local name cannot have, DEL, C1. */
const CONTROL =
  "\x01\x07\x08\t\n\r\x1b[2J\x1b]0;title\x07\x7f\x80\x84\x85\x90\x9b31m\x9d";

const NAMES = [`h${HIDDEN}`, `c${CONTROL}`];
const TEXT = new TextEncoder().encode("content");

const entries: Entry[] = NAMES.flatMap((name) =>
  (["file", "folder", "other"] as const).map((kind) => ({
    name: `${kind} ${name}`,
    kind,
    size: kind === "file" ? TEXT.length : 0,
    mtime: 0,
    executable: false,
  }))
);

/** A folder with the names in it, a file of each; messages have them as well. */
const serve: Lie = async (server) => {
  await server.greet({ capabilities: [PARCELS] });
  for (;;) {
    const request = await server.next();
    if (request === null) return;
    // What is uploaded needs no look.
    if (request instanceof Uint8Array) continue;
    await answer(server, request.type, "path" in request ? request.path : "");
  }
};

async function answer(server: FakeServer, type: string, path: string) {
  if (await answerAboutParcels(server, type)) return;
  const name = remoteName(path);
  const kind = name.startsWith("file") ? "file" : "folder";
  if (name.includes("*") || name.startsWith("gone")) {
    const message = `no ${CONTROL}${HIDDEN}`;
    await server.say({ type: "error", code: "not-found", message });
  } else if (type === "stat") {
    const entry = { name, kind, size: 7, mtime: 0, executable: false } as const;
    await server.say({ type: "entry", entry });
  } else if (type === "list") {
    const listed = path === "d" || path === "" ? entries : [];
    await server.say({ type: "entries", entries: listed, more: false });
  } else if (type === "get") await server.sayFile(TEXT);
  else if (type === "digest") {
    await server.say({ type: "done", sha256: receiptOf(TEXT).sha256 });
  } else if (type === "commit") await server.say(receiptOf(TEXT));
  else if (["mkdir", "move", "remove", "touch"].includes(type)) {
    await server.say({ type: "ok" });
  } else if (type !== "put") throw new Error(`'${type}' was not expected`);
}

const parcel = {
  number: 1,
  from: `b${CONTROL}`,
  time: 0,
  read: false,
} as const;

/** False for what is no request on parcels. */
async function answerAboutParcels(
  server: FakeServer,
  type: string,
): Promise<boolean> {
  const line = `l${CONTROL}${HIDDEN}`;
  const info = { ...parcel, files: 2, bytes: 14, line };
  const message = `m${HIDDEN}\n${HIDDEN}`;
  const responses: Record<string, Response> = {
    compose: { type: "ok" },
    deliver: { type: "delivered", time: 0 },
    abandon: { type: "ok" },
    unread: { type: "unread", count: 1 },
    inbox: { type: "parcels", parcels: [info], more: false },
    open: { type: "parcel", ...parcel, message },
    read: { type: "ok" },
    save: { type: "ok" },
    discard: { type: "error", code: "denied", message: line },
    block: { type: "ok" },
    blocked: { type: "blocked", users: NAMES.map((name) => name.slice(0, 60)) },
    coming: { type: "coming", users: NAMES.map((name) => name.slice(0, 60)) },
  };
  const response = responses[type];
  if (response) await server.say(response);
  return response !== undefined;
}

/** Command lines; `{}` is a name that the user typed. */
const LINES: string[][] = [
  ["ls", "d"],
  ["ls", "-l", "d"],
  ["ls", "-R", "d"],
  ["ls", "d/*"],
  ["tree", "d"],
  ["du", "d"],
  ["stat", "d/*", "d"],
  ["stat", "--checksum", "d/*"],
  ["rm", "-r", "d/*"],
  ["rm", "-rn", "d/*"],
  ["mv", "d/*", "there/"],
  ["mv", "-n", "d/*", "there/"],
  ["get", "d/*"],
  ["get", "-r", "d", "--progress", "always", "-v"],
  ["get", "-rn", "d"],
  ["get", "-r", "--update", "d"],
  ["sync", "--pull", "got", "d", "--progress", "always", "-v"],
  ["sync", "--pull", "-n", "--delete", "mine", "d"],
  ["sync", "mine", "d", "--progress", "always", "-v"],
  ["sync", "-n", "--delete", "mine", "d"],
  ["put", "-r", "mine", "--progress", "always", "-v"],
  ["put", "-rn", "mine"],
  ["put", "mine", "gone{}"],
  ["put", "gone{}"],
  ["get", "gone{}"],
  ["ls", "gone{}"],
  ["rm", "gone{}"],
  ["mkdir", "{}", "gone{}"],
  ["mkdir", "gone{}/x"],
  ["whoami"],
  ["inbox"],
  ["inbox", "read", "1"],
  ["inbox", "get", "1", "-v", "--progress", "always"],
  ["inbox", "save", "1", "-v"],
  ["inbox", "delete", "1"],
  ["inbox", "blocked"],
  ["inbox", "block", "{}"],
  ["inbox", "{}"],
  ["inbox", "read", "{}"],
  ["send", "anna", "-m", "{}"],
  ["send", "{}", "-m", "x"],
  ["send", "anna", "mine/{}", "-v", "--progress", "always"],
  ["{}"],
  ["ls", "--{}"],
  ["ls", "--progress={}"],
  ["ls", "--server", "{}"],
  ["ls", "--user", "{}"],
  ["ls", "--retries", "{}"],
  ["login", "{}"],
  ["get", "d", "--to", "{}/x/"],
  ["put", "mine", "--exclude", "[{}"],
  ["help", "{}"],
];

const HARMLESS = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u;

/** All lines with all that may be typed in them. */
const TYPED = LINES.flatMap((line) =>
  line.join().includes("{}")
    ? NAMES.map((name) => line.map((it) => it.replace("{}", name)))
    : [line]
);

/** Runs a command line against the server. */
async function show(argv: readonly string[], env: Record<string, string> = {}) {
  return await meet([...argv, "--retries", "0"], serve, {
    greeting: true,
    files: mine(),
    env,
    mayFail: true,
  });
}

function assertHarmless(text: string, argv: readonly string[]): void {
  for (const line of text.split("\n")) {
    assert(HARMLESS.test(line), Deno.inspect({ argv, line }));
  }
}

/** Some at a time, as each waits for its process most of the time. */
async function forEach<T>(items: T[], work: (item: T) => Promise<void>) {
  const left = [...items];
  const workers = Array.from({ length: 4 }, async () => {
    for (let item = left.pop(); item; item = left.pop()) await work(item);
  });
  await Promise.all(workers);
}

Deno.test("nothing that is shown drives a terminal, and no stack is", async () => {
  await forEach(TYPED, async (argv) => {
    const { stdout, stderr } = await show(argv);
    assertHarmless(stdout + stderr, argv);
    assert(!/^ +at |internal error/m.test(stderr), `${argv}: ${stderr}`);
  });
});

Deno.test("nor with --json, a record a line, nor in a stack that is asked for", async () => {
  const lines = TYPED.filter((_, index) => index % 3 === 0);
  await forEach(lines, async (argv) => {
    const json = [...argv, "--json"];
    const { stdout, stderr } = await show(json, { NETDISK_DEBUG: "1" });
    assertHarmless(stdout + stderr, json);
    for (const record of stdout.split("\n")) {
      if (record !== "") assertEquals(typeof JSON.parse(record), "object");
    }
  });
});

/** Local files of such names. */
function mine(): Record<string, Uint8Array> {
  return Object.fromEntries(NAMES.map((name) => [`mine/${name}`, TEXT]));
}

Deno.test("--json keeps every name as it is", async () => {
  const { stdout } = await meet(["ls", "d", "--json"], serve, {
    greeting: true,
  });
  const names = stdout.trimEnd().split("\n").map((it) => JSON.parse(it))
    .filter(({ type }) => type === "entry").map(({ name }) => name);
  const expected = entries.map(({ name }) => `d/${name}`);
  assertEquals(names.sort(), expected.sort());
});
