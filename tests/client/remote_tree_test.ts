import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../client/connection.ts";
import {
  RemoteTree,
  type TreeEvent,
  type TreeOptions,
} from "../../client/remote_tree.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Entry } from "../../protocol/messages.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { type FakeServer, talk } from "../helpers/fake_server.ts";

const PHOTOS = {
  "photos/2025/a": "1",
  "photos/2025/b": "2",
  "photos/2025/c": "3",
  "photos/2025/d": "4",
  "photos/2026/may/e": "5",
  "photos/cover": "6",
  "z/z/z": "7",
  "empty": null,
};

function entry(name: string, kind: Entry["kind"] = "file"): Entry {
  return { name, kind, size: 0, mtime: null, executable: false };
}

/** What a walk tells: `folder: names`, with `...` where more follows. */
function told(event: TreeEvent): string {
  const folder = `${event.path}/`;
  if (event.error) return `${folder}: ${event.error.code}`;
  const { entries, isFirst, isLast } = event;
  const names = entries.map(({ name }) => name).join(" ");
  return `${isFirst ? "" : "..."}${folder}: ${names}${isLast ? "" : "..."}`;
}

async function walk(
  connection: Connection,
  tree: RemoteTree,
): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of tree.events(connection)) lines.push(told(event));
  return lines;
}

async function walked(
  disk: FakeDisk,
  path = "",
  options: TreeOptions = {},
): Promise<string[]> {
  const tree = new RemoteTree(path, options);
  const lines = await talk(
    (server) => disk.serve(server),
    (connection) => walk(connection, tree),
  );
  assert(tree.isDone);
  return lines;
}

Deno.test("a walk tells each folder once, page by page", async () => {
  const lines = await walked(new FakeDisk(PHOTOS));
  assertEquals(lines.toSorted(), [
    "...photos/2025/: a",
    "/: z photos empty",
    "empty/: ",
    "photos/2025/: d c b...",
    "photos/2026/: may",
    "photos/2026/may/: e",
    "photos/: cover 2026 2025",
    "z/: z",
    "z/z/: z",
  ]);
});

Deno.test("a sorted walk is that of a reader", async () => {
  const lines = await walked(new FakeDisk(PHOTOS), "", { sorted: true });
  assertEquals(lines, [
    "/: empty photos z",
    "empty/: ",
    "photos/: 2025 2026 cover",
    "photos/2025/: a b c d",
    "photos/2026/: may",
    "photos/2026/may/: e",
    "z/: z",
    "z/z/: z",
  ]);
});

Deno.test("the order of a sorted walk is that of names, not of paths", async () => {
  const disk = new FakeDisk({ "a/x": "", "a-b/y": "", "a/b/c": "" });
  const lines = await walked(disk, "", { sorted: true });
  assertEquals(lines, ["/: a a-b", "a/: b x", "a/b/: c", "a-b/: y"]);
});

for (const sorted of [false, true]) {
  const kind = sorted ? "a sorted walk" : "a walk";

  Deno.test(`${kind} enters what its filter lets pass`, async () => {
    const asked: string[] = [];
    const lines = await walked(new FakeDisk(PHOTOS), "photos", {
      sorted,
      enter: (path, { name }) => {
        asked.push(`${path} ${name}`);
        return name !== "2025";
      },
    });
    assertEquals(asked.toSorted(), [
      "photos/2025 2025",
      "photos/2026 2026",
      "photos/2026/may may",
    ]);
    assertEquals(lines.length, 3);
  });

  Deno.test(`${kind} goes on behind what cannot be read`, async () => {
    const disk = new FakeDisk(PHOTOS);
    disk.broken.set("photos/2025", "denied");
    disk.broken.set("z", "not-found");
    const lines = await walked(disk, "", { sorted });
    assertEquals(
      lines.filter((l) => /denied|not-found/.test(l)).toSorted(),
      ["photos/2025/: denied", "z/: not-found"],
    );
    assertEquals(lines.length, 7);
  });

  Deno.test(`${kind} of what is no folder is a failure`, async () => {
    const disk = new FakeDisk(PHOTOS);
    assertEquals(await walked(disk, "photos/cover", { sorted }), [
      "photos/cover/: not-folder",
    ]);
  });

  Deno.test(`${kind} enters no folder whose name is no name`, async () => {
    const names = ["..", ".", "", "a\x1b", "x".repeat(256), "good"];
    const lines = await talk(async (server) => {
      await server.request("list");
      const entries = names.map((name) => entry(name, "folder"));
      await server.say({ type: "entries", entries, more: false });
      assertEquals((await server.request("list")).path, "top/good");
      await server.say({ type: "entries", entries: [], more: false });
      await server.left();
    }, (connection) => walk(connection, new RemoteTree("top", { sorted })));
    assertEquals(lines.filter((line) => line.endsWith("bad-name")).length, 5);
    assertEquals(lines.at(-1), "top/good/: ");
  });

  Deno.test(`${kind} ends in a tree without end`, async () => {
    const name = "n".repeat(200);
    const lines = await talk(async (server) => {
      for (let depth = 0; depth <= 20; depth++) {
        const { path } = await server.request("list");
        assertEquals(path.length, Math.max(0, depth * 201 - 1));
        const entries = [entry(name, "folder")];
        await server.say({ type: "entries", entries, more: false });
      }
      await server.left();
    }, (connection) => walk(connection, new RemoteTree("", { sorted })));
    assertEquals(lines.length, 22);
    assertEquals(lines.filter((l) => l.endsWith("bad-name")).length, 1);
  });

  Deno.test(`${kind} goes on over another connection`, async () => {
    const disk = new FakeDisk(PHOTOS);
    const expected = await walked(disk, "", { sorted });
    for (let calls = 1; calls < 8; calls++) {
      const tree = new RemoteTree("", { sorted });
      const told: string[] = [];
      let left = calls;
      disk.before = (request) => request.type !== "list" || left-- > 0;
      await assertRejects(
        () => talk((s) => disk.serve(s), (c) => collect(c, tree, told)),
        NetdiskError,
      );
      disk.before = () => true;
      await talk((s) => disk.serve(s), (c) => collect(c, tree, told));
      assert(tree.isDone);
      assertEquals(told.toSorted(), expected.toSorted());
      if (sorted) assertEquals(told, expected);
    }
  });

  Deno.test(`${kind} pauses, and the connection is free`, async () => {
    const disk = new FakeDisk(PHOTOS);
    const expected = await walked(disk, "", { sorted });
    const tree = new RemoteTree("", { sorted });
    const lines = await talk(
      (server) => disk.serve(server),
      async (connection) => {
        const lines: string[] = [];
        while (!tree.isDone) {
          for await (const event of tree.events(connection)) {
            lines.push(told(event));
            tree.pause();
          }
          await connection.call({ type: "ping" }, "pong");
        }
        return lines;
      },
    );
    assertEquals(lines.toSorted(), expected.toSorted());
    assert(disk.count("ping") > 2);
  });
}

async function collect(
  connection: Connection,
  tree: RemoteTree,
  lines: string[],
): Promise<void> {
  for await (const event of tree.events(connection)) lines.push(told(event));
}

Deno.test("a walk sends many requests ahead, and not too many", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
  await talk(async (server) => {
    await server.request("list");
    const entries = names.map((name) => entry(name, "folder"));
    await server.say({ type: "entries", entries, more: false });
    // All of these without an answer.
    for (let i = 0; i < 64; i++) {
      assertEquals((await server.request("list")).path, names[i]);
    }
    for (let i = 64; i < 100; i++) {
      await server.say({ type: "entries", entries: [], more: false });
      assertEquals((await server.request("list")).path, names[i]);
    }
    for (let i = 0; i < 64; i++) {
      await server.say({ type: "entries", entries: [], more: false });
    }
    await server.left();
  }, (connection) => walk(connection, new RemoteTree("")));
});

/** Answers a listing of `count` files in pages of 1000. */
async function sayMany(server: FakeServer, count: number): Promise<void> {
  for (let at = 0; at < count; at += 500) {
    const length = Math.min(500, count - at);
    const entries = Array.from(
      { length },
      (_, i) => entry(`f${count - at - i}`),
    );
    await server.say({ type: "entries", entries, more: at + 500 < count });
  }
}

Deno.test("a sorted walk tells a long folder as it comes", async () => {
  const pages = await talk(async (server) => {
    await server.request("list");
    await sayMany(server, 5_500);
    await server.left();
  }, async (connection) => {
    const pages: [number, boolean][] = [];
    const tree = new RemoteTree("", { sorted: true });
    for await (const event of tree.events(connection)) {
      if (!event.error) pages.push([event.entries.length, event.isFirst]);
    }
    return pages;
  });
  assertEquals(pages, [[4_500, true], [500, false], [500, false]]);
});

Deno.test("a sorted walk asks again for what came early and is long", async () => {
  const lines = await talk(async (server) => {
    const folder = { type: "entries", more: false } as const;
    await server.request("list");
    const entries = [entry("a", "folder"), entry("b", "folder")];
    await server.say({ ...folder, entries });
    assertEquals((await server.request("list")).path, "a");
    assertEquals((await server.request("list")).path, "b");
    await server.say({ ...folder, entries: [entry("a", "folder")] });
    await sayMany(server, 5_500);
    assertEquals((await server.request("list")).path, "a/a");
    await server.say({ ...folder, entries: [] });
    assertEquals((await server.request("list")).path, "b");
    await sayMany(server, 5_500);
    await server.left();
  }, async (connection) => {
    const lines: string[] = [];
    const tree = new RemoteTree("", { sorted: true });
    for await (const event of tree.events(connection)) {
      if (!event.error) lines.push(`${event.path}/ ${event.entries.length}`);
    }
    return lines;
  });
  assertEquals(lines, [
    "/ 2",
    "a/ 1",
    "a/a/ 0",
    "b/ 4500",
    "b/ 500",
    "b/ 500",
  ]);
});

Deno.test("a sorted walk holds only so many entries", async () => {
  // What is asked ahead of a deep folder waits for all that is in that.
  const disk = new FakeDisk({ "a/b/c/d/e/f": "" });
  for (let i = 0; i < 400; i++) disk.set(`z${i}/x`, "");
  const asked = async (maxHeld: number) => {
    disk.requests.length = 0;
    await walked(disk, "", { sorted: true, maxHeld });
    return disk.requests.findIndex((request) =>
      request.type === "list" && request.path === "a/b/c/d/e"
    );
  };
  const [few, many] = [await asked(100), await asked(100_000)];
  assert(few < 180, `${few}`);
  assert(many > 250, `${many}`);
});

Deno.test("what is sent ahead fits the channel's queue", async () => {
  const sent: string[] = [];
  let answers = 0;
  // Only what a walk uses of a connection.
  const connection = {
    send: ({ path }: { path: string }) => {
      sent.push(path);
      return Promise.resolve();
    },
    receive: () => {
      if (answers++ > 0) return Promise.reject(new Error("enough"));
      const entries = Array.from(
        { length: 50 },
        (_, i) => entry(`${i}`.padEnd(200, "x"), "folder"),
      );
      return Promise.resolve({ entries, more: false });
    },
  } as unknown as Connection;
  const base = Array(15).fill("y".repeat(200)).join("/");
  const tree = new RemoteTree(base);
  await assertRejects(() => walk(connection, tree), Error, "enough");
  const [, ...ahead] = sent;
  assertEquals(ahead.length, 6);
});
