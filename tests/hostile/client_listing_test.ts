/**
 * Lies about folders: names that lead elsewhere, or have no end. What a client
 * makes of them stays in its target, in bounded memory.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Entry } from "../../protocol/messages.ts";
import type { FakeServer } from "../helpers/fake_server.ts";
import {
  type Lie,
  meet,
  type MeetOptions,
  peakMiB,
} from "../helpers/lying_server.ts";

const TEXT = new TextEncoder().encode("from the server");

function entry(name: string, kind: Entry["kind"] = "file"): Entry {
  const size = kind === "file" ? TEXT.length : 0;
  return { name, kind, size, mtime: 1_000, executable: false };
}

/** Answers what a client asks; `list` says what comes of a folder. */
function answering(
  list: (path: string, server: FakeServer) => Promise<void> | Entry[],
): Lie {
  return async (server) => {
    for (;;) {
      const request = await server.next();
      if (request === null) return;
      assert(!(request instanceof Uint8Array));
      if (request.type === "stat" && request.path.includes("*")) {
        await server.refuse("not-found");
      } else if (request.type === "stat") {
        const name = request.path.slice(request.path.lastIndexOf("/") + 1);
        await server.say({ type: "entry", entry: entry(name, "folder") });
      } else if (request.type === "list") {
        const listed = list(request.path, server);
        if (!Array.isArray(listed)) await listed;
        else {
          await server.say({ type: "entries", entries: listed, more: false });
        }
      } else if (request.type === "get") await server.sayFile(TEXT);
      else throw new Error(`'${request.type}' was not expected`);
    }
  };
}

/** The entries that a folder and those below it have, by their paths. */
const tree = (folders: Record<string, Entry[]>): Lie =>
  answering((path) => folders[path] ?? []);

/** What the target of a download has that leads out of it. */
const LINKS: MeetOptions = {
  files: { "outside/here": "as it was" },
  prepare: (client) => {
    Deno.mkdirSync(client.path("target"));
    Deno.symlinkSync("../outside", client.path("target/out"));
    Deno.symlinkSync("../outside/here", client.path("target/one"));
    Deno.symlinkSync("../outside/new", client.path("target/none"));
  },
};

/** No parts of a path: refused by what they are, on every system. */
const ILLEGAL = ["..", ".", "x\x1b[2J", "x\x9b31m", "x\n", "x".repeat(256)];

/** On this system nothing but names. */
const LEGAL = ["...", "a\\..\\..\\b", "C:\\x", "\\\\host\\share", "~", "-rf"];

const WAYS: [name: string, argv: string[]][] = [
  ["get -r", ["get", "-r", "d/", "--to", "target"]],
  ["get of a pattern", ["get", "d/**", "--to", "target"]],
  ["sync --pull", ["sync", "--pull", "target", "d"]],
];

/** Every line is one of netdisk's own, and nothing in it drives a terminal. */
function assertTame(text: string): void {
  for (const line of text.trimEnd().split("\n")) {
    assertMatch(line, /^netdisk: [^\p{C}\p{Zl}\p{Zp}]*$/u);
  }
}

for (const [name, argv] of WAYS) {
  Deno.test(`${name}: names that lead elsewhere are refused, each for itself`, async () => {
    const evil = [...ILLEGAL, ...LEGAL];
    const { code, stderr, changes } = await meet(
      [...argv, "--retries", "0"],
      tree({
        d: [
          ...evil.map((name) => entry(name)),
          ...ILLEGAL.map((name) => entry(name, "folder")),
          entry("good"),
        ],
      }),
      { prepare: (client) => Deno.mkdirSync(client.path("target")) },
    );
    assertEquals(code, 8, stderr);
    const made = [...LEGAL, "good"].filter((name) =>
      // A leading dot is only matched by a dot.
      !argv.includes("d/**") || !name.startsWith(".")
    );
    assertEquals(changes, made.map((name) => `+work/target/${name}`).sort());
    assertTame(stderr);
    assertMatch(stderr, /'\.\.' is not allowed in a path/);
    assertMatch(stderr, /longer than 255 bytes/);
    assertMatch(stderr, /d\/x\\x1b\[2J: the name has a control character/);
  });

  Deno.test(`${name}: links in the target are not followed`, async () => {
    const { code, stderr, changes } = await meet(
      [...argv, "--retries", "0"],
      tree({
        d: [entry("out", "folder"), entry("one"), entry("none"), entry("good")],
        "d/out": [entry("here"), entry("new"), entry("deeper", "folder")],
        "d/out/deeper": [entry("file")],
      }),
      LINKS,
    );
    assertEquals(code, argv[0] === "sync" ? 0 : 8, stderr);
    assertTame(stderr);
    const outside = changes.filter((it) => !/^.work\/target\//.test(it));
    assertEquals(outside, []);
    assert(changes.includes("+work/target/good"), `${changes}`);
    assert(!changes.some((it) => it.endsWith("target/out")), `${changes}`);
  });

  Deno.test(`${name}: a name that comes twice counts once`, async () => {
    const { code, stderr, changes } = await meet(
      [...argv, "--json"],
      tree({
        d: [entry("a"), entry("f", "folder"), entry("a"), entry("f", "folder")],
        "d/f": [entry("b"), entry("b")],
      }),
      { prepare: (client) => Deno.mkdirSync(client.path("target")) },
    );
    assertEquals(code, 0, stderr);
    const made = ["target/a", "target/f", "target/f/b"];
    assertEquals(changes, made.map((name) => `+work/${name}`));
  });
}

/** A listing that goes on as long as somebody reads it. */
function endless(page: (n: number) => Entry[], peaks: number[] = []): Lie {
  return (server, client) =>
    answering(async (_, server) => {
      for (let n = 0;; n++) {
        const entries = page(n);
        await server.say({ type: "entries", entries, more: true });
        if (n % 100 === 0 && client.isRunning) peaks.push(peakMiB(client));
      }
    })(server, client);
}

const LONG_NAMES = (n: number) =>
  Array.from({ length: 56 }, (_, i) => entry(`${n}-${i}-`.padEnd(1024, "x")));

const GATHERING: string[][] = [
  ["get", "-r", "d", "--to", "target"],
  ["sync", "--pull", "target", "d"],
];

for (const argv of GATHERING) {
  Deno.test(`${argv.join(" ")}: a listing without end is given up in bounded memory`, async () => {
    const peaks: number[] = [];
    const { code, stderr, changes } = await meet(
      [...argv, "--retries", "0"],
      endless(LONG_NAMES, peaks),
      { prepare: (client) => Deno.mkdirSync(client.path("target")) },
    );
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      /^netdisk: error: the server lists more names than can be taken in$/m,
    );
    assertEquals(changes.filter((it) => it !== "+work/target/d"), []);
    assert(Math.max(...peaks) < 1000, `${Math.max(...peaks)} MiB`);
  });
}

for (
  const argv of [...GATHERING, ["rm", "d/*"], ["ls", "d"], ["ls", "-R", "d"], [
    "du",
    "d",
  ], [
    "tree",
    "d",
  ]]
) {
  Deno.test(`${argv.join(" ")}: empty pages for ever are given up`, async () => {
    const { code, stderr } = await meet(
      [...argv, "--retries", "0"],
      endless(() => []),
      {
        prepare: (client) => Deno.mkdirSync(client.path("target")),
      },
    );
    const error = "netdisk: error: the server's listing does not go on\n";
    assertEquals([code, stderr], [1, error]);
  });
}
