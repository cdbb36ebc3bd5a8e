import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { command as send } from "../../../client/commands/send.ts";
import { runCleanups } from "../../../client/interrupt.ts";
import { PARCELS } from "../../../protocol/parcels.ts";
import type { RequestOf } from "../../../protocol/messages.ts";
import { type FakeServer, receiptOf } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";
import { TypedInput } from "../../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

const TIME = 1_700_000_000_000;
const OPTIONS = { greeting: true } as const;

async function greet(server: FakeServer): Promise<void> {
  await server.greet({ capabilities: [PARCELS] });
}

async function compose(server: FakeServer): Promise<RequestOf<"compose">> {
  const request = await server.request("compose");
  await server.say({ type: "ok" });
  return request;
}

/** Takes a small file. */
async function file(server: FakeServer): Promise<string> {
  const { put, bytes } = await server.upload();
  await server.say(receiptOf(bytes, { mtime: put.mtime }));
  return `${put.path}: ${new TextDecoder().decode(bytes)}`;
}

async function deliver(server: FakeServer): Promise<RequestOf<"deliver">> {
  const request = await server.request("deliver");
  await server.say({ type: "delivered", time: TIME });
  return request;
}

Deno.test("netdisk send composes, puts and delivers", strict, async () => {
  using files = filesIn({ "a.txt": "first", "b.txt": "second" });
  const seen: unknown[] = [];
  const argv = ["ben", files.of("a.txt"), files.of("b.txt"), "-m", "hello"];
  const script = async (server: FakeServer) => {
    await greet(server);
    seen.push(await compose(server), await file(server), await file(server));
    seen.push(await deliver(server));
  };
  const { stdout, stderr, error } = await play(send, argv, script, OPTIONS);
  assertEquals([stdout, error], ["", undefined]);
  assertEquals(stderr, "netdisk: sent to ben: 2 files, 11 B\n");
  const { draft } = seen[0] as RequestOf<"compose">;
  assertMatch(draft, /^[0-9a-f]{64}$/);
  assertEquals(seen, [
    { type: "compose", to: "ben", draft },
    "a.txt: first",
    "b.txt: second",
    { type: "deliver", draft, files: 2, message: "hello" },
  ]);

  // The same command finds the same draft, and no other command does.
  const drafts: string[] = [];
  const other = [...argv.slice(0, -1), "other"];
  for (const again of [argv, [...argv, "--json"], other]) {
    const { stdout } = await play(send, again, async (server) => {
      await greet(server);
      drafts.push((await compose(server)).draft);
      await file(server);
      await file(server);
      await deliver(server);
    }, OPTIONS);
    if (!again.includes("--json")) continue;
    const objects = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(objects.map(({ type }) => type), [
      "receipt",
      "receipt",
      "sent",
    ]);
    assertEquals(objects[2], {
      type: "sent",
      version: 1,
      to: "ben",
      files: 2,
      bytes: 11,
      time: new Date(TIME).toISOString(),
    });
  }
  assertEquals(drafts.slice(0, 2), [draft, draft]);
  assertNotEquals(drafts[2], draft);
});

Deno.test(
  "netdisk send -m - takes the message from a pipe",
  strict,
  async () => {
    const messages: string[] = [];
    const inputs: [input: string, message: string][] = [
      ["one\r\ntwo\n", "one\ntwo"],
      ["grüße\n\n\n", "grüße"],
      ["x".repeat(16384), "x".repeat(16384)],
    ];
    for (const [input] of inputs) {
      const stdin = new TypedInput([input], false);
      const { stderr } = await play(
        send,
        ["ben", "-m", "-"],
        async (server) => {
          await greet(server);
          await compose(server);
          messages.push((await deliver(server)).message);
        },
        { ...OPTIONS, stdin },
      );
      assertEquals(stderr, "netdisk: sent to ben: a message\n");
    }
    assertEquals(messages, inputs.map(([, message]) => message));
  },
);

Deno.test(
  "netdisk send connects for nothing that cannot be sent",
  strict,
  async () => {
    using files = filesIn({ "a.txt": "1", "sub/": "", "sub/a.txt": "2" });
    const many = Array.from({ length: 101 }, () => files.of("a.txt"));
    const cases: [argv: string[], code: string, message: RegExp][] = [
      [["ben"], "usage", /^send: neither files nor a message are given$/],
      [["Ben", "-m", "x"], "bad-name", /^'Ben': /],
      [["ben", "-"], "usage", /^send: standard input \(-\) has no name/],
      [["ben", files.of("sub")], "is-folder", /sub: it is a folder$/],
      [["ben", files.of("gone")], "not-found", /gone: no such file or folder$/],
      [["ben", "/dev/null"], "local-io", /^\/dev\/null: it is not a file$/],
      [
        ["ben", files.of("a.txt"), files.of("sub/a.txt")],
        "usage",
        /^send: .*a\.txt and .*a\.txt have the same name$/,
      ],
      [["ben", ...many], "usage", /^send: a parcel has at most 100 files/],
      [["ben", "-m", "x", "--limit-rate", "1K"], "usage", /64K or more$/],
      [["ben", "-m", "a\x1b[2J"], "usage", /^send: .* a control character$/],
      [["ben", "-m", "ä".repeat(8193)], "usage", /longer than 16384 bytes$/],
    ];
    for (const [argv, code, message] of cases) {
      const { error, connections } = await play(send, argv, async () => {});
      assertEquals([error?.code, connections], [code, 0], argv.join(" "));
      assertMatch(error!.message, message);
    }
    const { error } = await play(
      send,
      ["ben", files.of("sub/")],
      async () => {},
    );
    const folder = files.of("sub");
    assertEquals(
      error?.hint,
      `tar cf ${folder}.tar ${folder} && netdisk send ben ${folder}.tar`,
    );
    for (
      const [input, message] of [["\xff", "not UTF-8"], [
        "x".repeat(40_000),
        "longer",
      ]]
    ) {
      const bytes = Uint8Array.from(input!, (c) => c.charCodeAt(0));
      const stdin = {
        isTerminal: () => false,
        setRaw() {},
        at: 0,
        read(into: Uint8Array) {
          const piece = bytes.subarray(this.at, this.at + into.length);
          into.set(piece);
          this.at += piece.length;
          return Promise.resolve(piece.length || null);
        },
      };
      const { error, connections } = await play(
        send,
        ["ben", "-m", "-"],
        async () => {},
        { stdin },
      );
      assertEquals([error?.code, connections], ["usage", 0]);
      assertMatch(error!.message, new RegExp(message!));
    }
  },
);

Deno.test(
  "netdisk send says of an old server that it is one",
  strict,
  async () => {
    const { error } = await play(send, ["ben", "-m", "x"], async (server) => {
      await server.left();
    });
    assertEquals(error?.code, "version");
    assertEquals(
      error?.message,
      "the server is too old: it does not carry anything to people",
    );
  },
);

Deno.test(
  "netdisk send delivers nothing when a file fails, and gives the draft up",
  strict,
  async () => {
    using files = filesIn({ "a.txt": "first", "b.txt": "second" });
    const argv = ["ben", files.of("a.txt"), files.of("b.txt")];
    let isGivenUp = false;
    const { error, stderr } = await play(send, argv, async (server) => {
      await greet(server);
      const { draft } = await compose(server);
      await file(server);
      await server.upload();
      await server.say({
        type: "error",
        code: "quota",
        message: "ben is full",
      });
      isGivenUp = (await server.request("abandon")).draft === draft;
      await server.say({ type: "ok" });
    }, OPTIONS);
    assertEquals(
      [error?.code, error?.message, stderr],
      [
        "quota",
        `${files.of("b.txt")}: ben is full; nothing was sent to ben`,
        "",
      ],
    );
    assert(isGivenUp);
  },
);

Deno.test(
  "netdisk send tells who was blocked meanwhile of that, not of a file",
  strict,
  async () => {
    using files = filesIn({ "a.txt": "first" });
    const message = "ben takes nothing from you";
    const { error } = await play(send, ["ben", files.of("a.txt")], async (
      server,
    ) => {
      await greet(server);
      await compose(server);
      await server.upload();
      await server.say({ type: "error", code: "denied", message });
      await server.request("abandon");
      await server.refuse("not-found");
    }, OPTIONS);
    assertEquals(
      [error?.code, error?.message],
      ["denied", `${message}; nothing was sent to ben`],
    );
  },
);

Deno.test(
  "netdisk send goes on with its draft when the connection is lost",
  strict,
  async () => {
    using files = filesIn({ "a.txt": "first", "b.txt": "second" });
    const argv = ["ben", files.of("a.txt"), files.of("b.txt")];
    const drafts: string[] = [];
    const came: string[] = [];
    const { error, stderr, connections } = await play(
      send,
      argv,
      async (server, connection) => {
        await greet(server);
        if (connection === 3) {
          drafts.push((await server.request("deliver")).draft);
          return await server.say({ type: "delivered", time: TIME });
        }
        drafts.push((await compose(server)).draft);
        came.push(await file(server));
        if (connection === 1) return server.close();
        drafts.push((await server.request("deliver")).draft);
        server.close();
      },
      OPTIONS,
    );
    assertEquals([error, connections], [undefined, 3]);
    assertEquals(new Set(drafts).size, 1);
    assertEquals(came, ["a.txt: first", "b.txt: second"]);
    assertMatch(stderr, /netdisk: sent to ben: 2 files, 11 B\n$/);
  },
);

Deno.test(
  "netdisk send says at Ctrl-C what has become of the parcel",
  strict,
  async () => {
    const moments: [
      done: ((server: FakeServer) => Promise<unknown>)[],
      said: string,
    ][] = [
      [[], ""],
      [[compose], "netdisk: nothing was delivered to ben\n"],
      [[compose, file], "netdisk: it may have been delivered to ben\n"],
    ];
    for (const [done, said] of moments) {
      using files = filesIn({ a: "first" });
      const argv = ["ben", files.of("a"), "--retries", "0"];
      const { stderr } = await play(send, argv, async (server) => {
        await greet(server);
        for (const step of done) await step(server);
        // The next request is here, and has no answer.
        await server.channel.read();
        runCleanups();
      }, OPTIONS);
      assertEquals(stderr, said);
    }
  },
);

Deno.test(
  "netdisk send says when nobody can know whether it was delivered",
  strict,
  async () => {
    const { error } = await play(
      send,
      ["ben", "-m", "x"],
      async (server, connection) => {
        await greet(server);
        if (connection === 1) {
          await compose(server);
          await server.request("deliver");
          return server.close();
        }
        await server.request("deliver");
        await server.refuse("not-found");
      },
      OPTIONS,
    );
    assertEquals(error?.code, "connection-lost");
    assertMatch(
      error!.message,
      /delivered and deleted since, or not delivered$/,
    );
  },
);

Deno.test(
  "netdisk send passes on what the server refuses",
  strict,
  async () => {
    for (const code of ["not-found", "denied", "quota"] as const) {
      const { error } = await play(send, ["ben", "-m", "x"], async (server) => {
        await greet(server);
        await server.request("compose");
        await server.refuse(code);
      }, OPTIONS);
      assertEquals([error?.code, error?.message], [code, `refused: ${code}`]);
    }
    const { error } = await play(send, ["ben", "-m", "x"], async (server) => {
      await greet(server);
      await compose(server);
      await server.request("deliver");
      await server.refuse("changed");
    }, OPTIONS);
    assertEquals(error?.code, "changed");
    assertMatch(error!.message, /nothing was delivered$/);
  },
);
