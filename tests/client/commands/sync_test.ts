/** What both directions of `netdisk sync` do alike. */

import { assert, assertEquals } from "@std/assert";
import { replace } from "../../helpers/faults.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
import { besidesAgain } from "../../../client/sync_place.ts";
import { FOLDER_MTIME, MTIME, Sides, type Texts } from "../syncing.ts";

const FILES: Texts = {
  "a": "1",
  "b/c": "22",
  "b/d/e": "333",
  "b/d/f": "",
  "empty": null,
};

/** FILES as they are listed. */
const ALL: Texts = {
  "a": "1",
  "b/": null,
  "b/c": "22",
  "b/d/": null,
  "b/d/e": "333",
  "b/d/f": "",
  "empty/": null,
};

/** One direction: with the sides of its source and its target. */
class Direction {
  readonly isPull: boolean;

  constructor(isPull: boolean) {
    this.isPull = isPull;
  }

  get name(): string {
    return this.isPull ? "netdisk sync --pull" : "netdisk sync";
  }

  sides(source: Texts, target: Texts): Sides {
    return this.isPull ? new Sides(target, source) : new Sides(source, target);
  }

  run(sides: Sides, ...options: string[]) {
    return sides.sync(...options, ...this.options);
  }

  get options(): string[] {
    return this.isPull ? ["--pull"] : [];
  }

  target(sides: Sides): Texts {
    return this.isPull ? sides.local() : sides.remote();
  }

  /** What is said of a path of the target. */
  path(sides: Sides, path: string): string {
    return this.isPull ? sides.of(path) : `there/${path}`;
  }

  writeSource(sides: Sides, path: string, text: string, mtime = MTIME): void {
    if (this.isPull) sides.put(path, text, mtime);
    else sides.write(path, text, mtime);
  }

  /** Time and executable bit of a target's path. */
  facts(sides: Sides, path: string): [number, boolean] {
    if (!this.isPull) {
      const { mtime, executable } = sides.disk.get(`there/${path}`)!;
      return [mtime!, executable];
    }
    const { mtime, mode } = Deno.lstatSync(sides.of(path));
    return [mtime!.getTime(), (mode! & 0o111) !== 0];
  }

  get verb(): string {
    return this.isPull ? "downloaded" : "uploaded";
  }

  transfers({ disk }: Sides): number {
    return disk.count(this.isPull ? "get" : "put");
  }
}

/** Requests that change or transfer something. */
function deeds({ disk }: Sides): string[] {
  const looks = ["stat", "list", "digest"];
  return disk.requests.map(({ type }) => type)
    .filter((type) => !looks.includes(type));
}

for (const way of [new Direction(false), new Direction(true)]) {
  const { name, verb } = way;

  Deno.test(`${name} makes a folder that is missing`, async () => {
    using sides = way.sides(FILES, {});
    const { stdout, stderr, error } = await way.run(sides);
    assertEquals([stdout, error], ["", undefined]);
    assertEquals(way.target(sides), ALL);
    assertEquals(
      stderr,
      `netdisk: 4 ${verb} (6 B), 4 folders made, 0 unchanged\n`,
    );
    for (const path of ["a", "b/d/f"]) {
      assertEquals(way.facts(sides, path), [MTIME, false]);
    }
    for (const path of ["b", "b/d", "empty"]) {
      assertEquals(way.facts(sides, path)[0], FOLDER_MTIME);
    }
  });

  Deno.test(`${name} a second time transfers and changes nothing`, async () => {
    using sides = way.sides(FILES, {});
    await way.run(sides);
    sides.disk.requests.length = 0;
    const { stderr, error } = await way.run(sides);
    assertEquals([stderr, error], ["netdisk: 4 unchanged\n", undefined]);
    assertEquals(deeds(sides), []);
  });

  Deno.test(`${name} transfers what differs, and only that`, async () => {
    using sides = way.sides(FILES, FILES);
    way.writeSource(sides, "b/c", "2x");
    way.writeSource(sides, "b/d/e", "333", MTIME + 1);
    way.writeSource(sides, "b/d/new", "n");
    way.writeSource(sides, "g/h", "n");
    sides.settle();
    // One that has the size and the time, but another content.
    way.writeSource(sides, "a", "x");
    const { stderr, error } = await way.run(sides);
    assertEquals(error, undefined);
    assertEquals(
      stderr,
      `netdisk: 3 ${verb} (5 B), 1 folder made, 3 unchanged\n`,
    );
    assertEquals(way.transfers(sides), 3);
    assertEquals(way.target(sides), {
      ...ALL,
      "b/d/new": "n",
      "g/": null,
      "g/h": "n",
    });
    assertEquals(way.facts(sides, "b/d/e"), [MTIME + 1, false]);
    // The folders got their times back.
    for (const path of ["b", "b/d", "g"]) {
      assertEquals(way.facts(sides, path)[0], FOLDER_MTIME);
    }
  });

  Deno.test(`${name} transfers a change within one second`, async () => {
    const second = Math.floor(MTIME / 1000) * 1000;
    for (const [before, after] of [[second, MTIME], [MTIME, second]] as const) {
      using sides = way.sides({ "a": "1" }, {});
      if (way.isPull) sides.write("a", "0", before);
      else sides.put("a", "0", before);
      way.writeSource(sides, "a", "1", after);
      await way.run(sides);
      assertEquals(way.target(sides), { "a": "1" });
      assertEquals(way.facts(sides, "a")[0], after);
    }
  });

  Deno.test(`${name} mends the executable bit without a transfer`, async () => {
    using sides = way.sides(FILES, FILES);
    if (way.isPull) sides.disk.get("there/a")!.executable = true;
    else Deno.chmodSync(sides.of("a"), 0o755);
    const { stderr, error } = await way.run(sides);
    assertEquals([stderr, error], [
      "netdisk: 1 touched, 3 unchanged\n",
      undefined,
    ]);
    assertEquals(way.facts(sides, "a"), [MTIME, true]);
    assertEquals(way.transfers(sides), 0);
    // And away again, together with new content.
    if (way.isPull) sides.disk.get("there/a")!.executable = false;
    else Deno.chmodSync(sides.of("a"), 0o644);
    way.writeSource(sides, "a", "longer");
    await way.run(sides);
    assertEquals(way.facts(sides, "a"), [MTIME, false]);
  });

  Deno.test(`${name} --checksum sees content, and mends times`, async () => {
    using sides = way.sides(FILES, FILES);
    way.writeSource(sides, "a", "x");
    way.writeSource(sides, "b/c", "22", MTIME + 5000);
    sides.settle();
    const { stderr, error } = await way.run(sides, "--checksum");
    assertEquals(error, undefined);
    assertEquals(
      stderr,
      `netdisk: 1 ${verb} (1 B), 1 touched, 2 unchanged\n`,
    );
    assertEquals(way.target(sides), { ...ALL, "a": "x" });
    assertEquals(way.facts(sides, "b/c"), [MTIME + 5000, false]);
    assertEquals(way.facts(sides, "b")[0], FOLDER_MTIME);
    assertEquals(way.transfers(sides), 1);
  });

  Deno.test(`${name} leaves alone what only the target has`, async () => {
    using sides = way.sides(FILES, { "old/x": "o", "b/y": "o" });
    const { error } = await way.run(sides);
    assertEquals(error, undefined);
    assertEquals(way.target(sides), {
      ...ALL,
      "old/": null,
      "old/x": "o",
      "b/y": "o",
    });
  });

  Deno.test(`${name} --delete deletes what only the target has, at the end`, async () => {
    using sides = way.sides(FILES, { "old/x/y": "o", "b/y": "o", "b/c": "22" });
    const { stderr, error } = await way.run(sides, "--delete");
    assertEquals(error, undefined);
    assertEquals(way.target(sides), ALL);
    assert(stderr.includes("2 deleted, 1 unchanged"), stderr);
    assertEquals(way.facts(sides, "b")[0], FOLDER_MTIME);
    if (!way.isPull) {
      const order = deeds(sides);
      assert(order.lastIndexOf("put") < order.indexOf("remove"));
    }
  });

  Deno.test(`${name} --delete deletes nothing when something failed`, async () => {
    using sides = way.sides(FILES, { "old": "o" });
    if (way.isPull) sides.disk.broken.set("there/b/d", "io");
    else Deno.symlinkSync("nowhere", sides.of("b/link"));
    if (!way.isPull) sides.disk.broken.set("there/b/c", "io");
    const { stderr, error } = await way.run(sides, "--delete");
    assertEquals(error?.code, "partial");
    assertEquals(way.target(sides).old, "o");
    assert(stderr.includes("nothing was deleted"), stderr);
  });

  Deno.test(`${name} says what is in the way, and --delete replaces it`, async () => {
    const there: Texts = { "a/x": "o", "b": "o" };
    using sides = way.sides(FILES, there);
    const { stderr, error } = await way.run(sides);
    assertEquals(error?.code, "partial");
    const a = way.path(sides, "a");
    const b = way.path(sides, "b");
    assertEquals(
      stderr.split("\n").filter((line) => line.includes("error")).sort(),
      [
        `netdisk: error: ${a}: it is a folder, and a file in the source`,
        `netdisk: error: ${b}: it is a file, and a folder in the source`,
      ],
    );
    assertEquals(way.target(sides), {
      "a/": null,
      "a/x": "o",
      "b": "o",
      "empty/": null,
    });
    const again = await way.run(sides, "--delete");
    assertEquals(again.error, undefined);
    assertEquals(way.target(sides), ALL);
  });

  Deno.test(`${name} -n shows what would be done, and does not`, async () => {
    const before: Texts = {
      "a": "old",
      "b/c": "22",
      "b/x": "o",
      "b/d": "a file",
      "old/y": "o",
    };
    using sides = way.sides(FILES, before);
    if (way.isPull) sides.disk.get("there/b/c")!.executable = true;
    else Deno.chmodSync(sides.of("b/c"), 0o755);
    const expected = way.target(sides);
    const { stdout, stderr, error } = await way.run(sides, "-n", "--delete");
    assertEquals(error, undefined);
    const of = (path: string) => way.path(sides, path);
    const load = way.isPull ? "download" : "upload";
    assertEquals(
      stdout.split("\n").slice(0, -1).sort(),
      [
        `would delete ${of("b/d")}`,
        `would delete ${of("b/x")}`,
        `would delete ${of("old/")}`,
        `would ${load} ${of("a")}`,
        `would ${load} ${of("b/d/e")}`,
        `would ${load} ${of("b/d/f")}`,
        `would mkdir ${of("b/d/")}`,
        `would mkdir ${of("empty/")}`,
        `would touch ${of("b/c")}`,
      ].sort(),
    );
    assertEquals(
      stderr,
      `netdisk: would be: 3 ${verb} (4 B), 2 folders made, 1 touched, 3 deleted, 0 unchanged\n`,
    );
    assertEquals(way.target(sides), expected);
    assertEquals(deeds(sides), []);
    const lines = stdout.split("\n");
    const at = (what: string, path: string) =>
      lines.indexOf(`would ${what} ${of(path)}`);
    assert(at("mkdir", "b/d/") < at(load, "b/d/e"), stdout);
    const json = await way.run(sides, "-n", "--json");
    assertEquals(
      json.objects().find(({ name, action }) =>
        name === "there/a" && action === load
      ),
      {
        type: "plan",
        version: 1,
        action: load,
        name: "there/a",
        path: sides.of("a"),
        kind: "file",
        size: 1,
      },
    );
    assertEquals(
      json.objects().map(({ type, action }) => `${type} ${action}`)
        .filter((line) => line.startsWith("plan")).length,
      3,
    );
  });

  Deno.test(`${name} -n says that nothing would be deleted`, async () => {
    using sides = way.sides({ "a": "1", "b/c": "2" }, { "old": "" });
    sides.disk.broken.set("there/b", "io");
    if (!way.isPull) sides.disk.set("there/b", null);
    const { stderr, error } = await way.run(sides, "-n", "--delete", "--json");
    assertEquals(error?.code, "partial");
    assert(stderr.includes("nothing would be deleted, as"), stderr);
  });

  Deno.test(`${name} ends with how many are not in sync`, async () => {
    for (const count of [1, 2]) {
      const source: Texts = count === 1 ? { "a": "1" } : { "a": "1", "b": "2" };
      using sides = way.sides(source, { "a/x": "o", "b/x": "o" });
      const { error } = await way.run(sides);
      const plan = await way.run(sides, "-n");
      assertEquals(
        [error?.message, plan.error?.message],
        count === 1
          ? [
            "1 file or folder is not in sync",
            "1 file or folder would not be in sync",
          ]
          : [
            "2 files or folders are not in sync",
            "2 files or folders would not be in sync",
          ],
      );
    }
  });

  Deno.test(`${name} leaves out what --exclude names, on both sides`, async () => {
    using sides = way.sides(
      { ...FILES, "b/x.log": "n", "tmp/y": "n" },
      {
        "keep.log": "o",
        "old/deep/z.log": "o",
        "old/deep/w": "o",
        "old/v/u": "o",
      },
    );
    const exclude = ["--exclude", "*.log", "--exclude=/tmp"];
    const { error } = await way.run(sides, "--delete", ...exclude);
    assertEquals(error, undefined);
    assertEquals(way.target(sides), {
      ...ALL,
      "keep.log": "o",
      "old/": null,
      "old/deep/": null,
      "old/deep/z.log": "o",
    });
    sides.disk.requests.length = 0;
    await way.run(sides, "--delete", ...exclude);
    assertEquals(deeds(sides), []);
  });

  Deno.test(`${name} --delete from an empty folder is refused`, async () => {
    using sides = way.sides({}, { "a": "1", "b/c": "2" });
    if (way.isPull) sides.disk.set("there", null);
    else Deno.mkdirSync(sides.here);
    const before = way.target(sides);
    const { error } = await way.run(sides, "--delete");
    const source = way.isPull ? "there" : sides.here;
    assertEquals(
      error?.message,
      `${source}: it has nothing to copy, and --delete would delete all that the target has`,
    );
    assertEquals(error?.hint, "--delete-all does it");
    assertEquals(way.target(sides), before);
    const all = await way.run(sides, "--delete-all");
    assertEquals(all.error, undefined);
    assertEquals(way.target(sides), {});
    const again = await way.run(sides, "--delete");
    assertEquals(again.error, undefined);
  });

  Deno.test(`${name} --delete from a folder with links alone is refused`, async () => {
    using sides = way.sides({}, { "a": "1", "link": "2" });
    if (way.isPull) sides.disk.set("there/link", { kind: "other" });
    else {
      Deno.mkdirSync(sides.here);
      Deno.symlinkSync("nowhere", sides.of("link"));
    }
    const before = way.target(sides);
    const { error } = await way.run(sides, "--delete");
    assertEquals(error?.hint, "--delete-all does it");
    assertEquals(way.target(sides), before);
    const all = await way.run(sides, "--delete-all");
    assertEquals(all.error, undefined);
    assertEquals(way.target(sides), { "link": "2" });
  });

  Deno.test(`${name} --delete replaces nothing when something failed`, async () => {
    // What waits on the server has another name.
    for (const path of way.isPull ? ["a", "b/x", "c"] : ["c"]) {
      using sides = way.sides(
        { "a": "1", "b/x": "2", "c": "3" },
        { "a/y": "o", "b": "o", "old": "o" },
      );
      sides.disk.broken.set(`there/${path}`, "io");
      const before = way.target(sides);
      const { stderr, error } = await way.run(sides, "--delete");
      assertEquals(error?.code, "partial", path);
      assert(stderr.includes("nothing was deleted"), stderr);
      assert(!/\d deleted/.test(stderr), stderr);
      const after = way.target(sides);
      delete after.c;
      assertEquals(after, before, path);
    }
  });

  Deno.test(`${name} --delete has old or new at every moment`, async () => {
    using model = way.sides({ "a": "1", "b/x": "2" }, { "a/y": "o", "b": "o" });
    await way.run(model, "--delete");
    const { length } = model.disk.requests;
    for (let lost = 0; lost < length; lost++) {
      using sides = way.sides(
        { "a": "1", "b/x": "2" },
        { "a/y": "old", "b": "old" },
      );
      let left = lost;
      sides.disk.before = () => left-- > 0;
      await way.run(sides, "--delete", "--retries", "0");
      const texts = Object.values(way.target(sides));
      const { length: old } = texts.filter((text) => text === "old");
      const isThere = (text: string) => old > 0 || texts.includes(text);
      assert(isThere("1") && isThere("2"), `${lost}`);
      if (way.isPull) {
        const names = Object.keys(sides.local()).join(" ");
        assert(!names.includes(".netdisk-"), names);
      }
    }
  });

  Deno.test(`${name} --delete begins a replacement in the same place each time`, async () => {
    using sides = way.sides({ "a/x": "1", "a/y": "2", "b": "3" }, {
      "a": "old",
      "b/z": "old",
    });
    // What an interrupted one has left.
    const waiting = ["a", "b"].map((path) => besidesAgain(path));
    for (const path of waiting) {
      if (way.isPull) sides.write(`${path}/gone`, "o");
      else sides.put(`${path}/gone`, "o");
    }
    const { error } = await way.run(sides, "--delete");
    assertEquals(error, undefined);
    assertEquals(way.target(sides), {
      "a/": null,
      "a/x": "1",
      "a/y": "2",
      "b": "3",
    });
  });

  Deno.test(`${name} --delete replaces nothing that --exclude keeps`, async () => {
    using sides = way.sides({ "a": "1" }, { "a/b/x.log": "o", "a/y": "o" });
    const before = way.target(sides);
    const options = ["--delete", "--exclude", "*.log"];
    const { stderr, error } = await way.run(sides, ...options);
    assertEquals(error?.code, "partial");
    const a = way.path(sides, "a");
    const reason = "it is in the way, and has what --exclude keeps";
    assert(stderr.includes(`error: ${a}: ${reason}`), stderr);
    assertEquals(way.target(sides), before);
  });

  Deno.test(`${name} --json has an object for each, and the sums`, async () => {
    using sides = way.sides({ "a": "1", "b/c": "2" }, { "old": "" });
    const { objects, stderr } = await way.run(sides, "--json", "--delete");
    // As put and get tell it.
    const type = way.isPull ? "file" : "receipt";
    assertEquals(
      objects().map(({ type, name }) => `${type} ${name}`).sort(),
      [
        `${type} there/a`,
        `${type} there/b/c`,
        "made there/b",
        "removed there/old",
      ].sort(),
    );
    assert(stderr.includes("1 deleted"));
  });

  Deno.test(`${name} does in parts what is much, wherever it is interrupted`, async () => {
    const before: Texts = { "b/d/e": "older", "b/x": "o", "a/x": "o" };
    for (let lost = 0; lost < 20; lost += 3) {
      using _retries = new RetryWaits();
      using sides = way.sides(FILES, before);
      let left = lost;
      sides.disk.before = () => left-- !== 0;
      const { error } = await sides.syncInParts("--delete", ...way.options);
      assertEquals(error, undefined);
      assertEquals(way.target(sides), ALL);
    }
  });

  Deno.test(`${name} goes on over another connection, wherever it was lost`, async () => {
    using model = way.sides(FILES, { "b/x": "o", "b/d": "a file" });
    await way.run(model, "--delete");
    const { length } = model.disk.requests;
    for (let lost = 0; lost < length; lost++) {
      for (const moment of ["before", "after"] as const) {
        using _retries = new RetryWaits();
        using sides = way.sides(FILES, { "b/x": "o", "b/d": "a file" });
        let left = lost;
        sides.disk[moment] = () => left-- !== 0;
        const { error, stderr } = await way.run(sides, "--delete");
        assertEquals(error, undefined, `${moment} ${lost} ${stderr}`);
        assertEquals(way.target(sides), ALL);
        for (const path of ["b", "b/d", "empty"]) {
          assertEquals(way.facts(sides, path)[0], FOLDER_MTIME, path);
        }
      }
    }
  });
}

Deno.test("netdisk sync of what is no folder", async () => {
  using sides = new Sides({ "a": "1" }, { "a": "1" });
  const missing = new Sides({}, {});
  const push = await missing.sync();
  assertEquals(push.error?.code, "not-found");
  const pull = await missing.sync("--pull");
  assertEquals(pull.error?.message, "there: no such folder on the server");
  missing[Symbol.dispose]();
  sides.disk.set("there", "a file");
  for (const options of [[], ["--pull"]]) {
    const { error } = await sides.sync(...options);
    assertEquals(error?.message, "there: it is not a folder on the server");
  }
});

Deno.test("netdisk sync leaves links alone, here and as names there", async () => {
  using sides = new Sides({ "a": "1" }, { "link": "o", "a": "1" });
  Deno.symlinkSync("a", sides.of("link"));
  const { stderr, error } = await sides.sync("--delete");
  assertEquals(error, undefined);
  assert(stderr.includes(`${sides.of("link")}: it is a link, skipped`));
  assertEquals(sides.remote(), { "a": "1", "link": "o" });
  const pull = await sides.sync("--pull", "--delete");
  assertEquals(pull.error, undefined);
  assert(pull.stderr.includes("it is a link, skipped"), pull.stderr);
  assert(pull.stderr.includes("1 skipped"), pull.stderr);
  assertEquals(Deno.readLinkSync(sides.of("link")), "a");
});

Deno.test("netdisk sync does not take what netdisk left unfinished", async () => {
  const part = `.netdisk-${"0".repeat(32)}.part`;
  using sides = new Sides({ "a": "1", [part]: "x", [`n/${part}`]: "x" }, {});
  await sides.sync();
  assertEquals(sides.remote(), { "a": "1", "n/": null });
  await sides.sync("--pull", "--delete");
  assertEquals(sides.local()[part], "x");
});

Deno.test("netdisk sync says what an interrupted one has left here, and no other transfer", async () => {
  const id = ".netdisk-01234567-89ab-cdef-0123-456789abcdef";
  using sides = new Sides({ "a": "1", [`${id}/x`]: "o", [`${id}-2`]: "o" }, {
    "a": "1",
  });
  for (const options of [[], ["--pull", "--delete"], ["--exclude", id]]) {
    const { stderr, error } = await sides.sync(...options);
    assertEquals(error, undefined);
    const notice = `netdisk: ${
      sides.of(id)
    }: an interrupted sync has left it, skipped\n`;
    assertEquals(
      stderr,
      options.includes(id)
        ? "netdisk: 1 unchanged\n"
        : `${notice}netdisk: 1 unchanged, 1 skipped\n`,
    );
  }
  assertEquals(sides.local()[`${id}/x`], "o");
});

Deno.test("netdisk sync leaves what an interrupted one has left on the server", async () => {
  const id = ".netdisk-01234567-89ab-cdef-0123-456789abcdef";
  const there = { "a": "1", [id]: "x", [`n/${id}/y`]: "x" };
  using sides = new Sides({ "a": "1", [`n/${id}/z`]: "z" }, there);
  const pull = await sides.sync("--pull", "--delete");
  assertEquals(pull.error, undefined);
  assertEquals(
    pull.stderr,
    `netdisk: there/${id}: an interrupted sync has left it, skipped\n` +
      `netdisk: ${
        sides.of(`n/${id}`)
      }: an interrupted sync has left it, skipped\n` +
      `netdisk: there/n/${id}: an interrupted sync has left it, skipped\n` +
      "netdisk: 1 unchanged, 3 skipped\n",
  );
  assertEquals(Object.keys(sides.local()), [
    "a",
    "n/",
    `n/${id}/`,
    `n/${id}/z`,
  ]);
  // Nothing is sent into it, and it is deleted as all else that is not here.
  await sides.sync();
  assertEquals(sides.remote()[`n/${id}/z`], undefined);
  await sides.sync("--delete");
  assertEquals(sides.remote(), { "a": "1", "n/": null });
});

Deno.test("netdisk sync does not replace by what it cannot read", async () => {
  using sides = new Sides({ "a/b": "1" }, { "a": "o" });
  Deno.chmodSync(sides.of("a"), 0o000);
  try {
    Deno.readDirSync(sides.of("a"));
    // Nothing is closed to root.
  } catch {
    const { error } = await sides.sync("--delete");
    assertEquals(error?.code, "partial");
    assertEquals(sides.remote(), { "a": "o" });
  } finally {
    Deno.chmodSync(sides.of("a"), 0o755);
  }
});

Deno.test("netdisk sync does what it found before it looks for too much", async () => {
  using sides = new Sides({ "a": "1", "b/c": "2" }, { "b/d": "o" });
  await sides.syncInParts();
  const types = sides.disk.requests.map(({ type }) => type);
  assert(types.indexOf("put") < types.lastIndexOf("list"), types.join(" "));
});

Deno.test("netdisk sync --pull tells once that a folder cannot be made", async () => {
  using sides = new Sides({}, { "a": "1", "b/c/d": "2", "b/e": "3" });
  using _ = replace(Deno, "mkdirSync", (original) => (path, options) => {
    if (`${path}`.endsWith("/b")) throw new Deno.errors.PermissionDenied("no");
    return original(path, options);
  });
  const { stderr, error } = await sides.sync("--pull");
  assertEquals(error?.code, "partial");
  assertEquals(stderr.match(/error:/g)?.length, 1);
  assertEquals(sides.local(), { "a": "1" });
});

Deno.test("netdisk sync --pull --delete takes other spellings for the same file", async () => {
  using sides = new Sides(
    { "e\u0301": "1", "Photo": "1", "other": "o" },
    { "\u00e9": "1", "photo": "1" },
  );
  // As a disk that takes them for one has it.
  const names = { isOneName: () => true, isOneFile: () => true };
  const { error, stderr } = await sides.syncWithNames(
    names,
    "--pull",
    "--delete",
    "-n",
  );
  assertEquals(error, undefined);
  assert(stderr.includes("would be: 1 deleted, 2 unchanged"), stderr);
});

Deno.test("netdisk sync --pull refuses names that the disk takes for one", async () => {
  using sides = new Sides({}, { "a": "1", "A": "2", "b/c": "3" });
  const names = { isOneName: () => true, isOneFile: () => false };
  const { error, stderr } = await sides.syncWithNames(names, "--pull");
  assertEquals(error?.code, "partial");
  assert(stderr.includes("are one name on this disk"), stderr);
  assert(
    stderr.includes(
      "hint: netdisk mv there/A NAME gives it another, --exclude leaves it out\n",
    ),
    stderr,
  );
});

Deno.test("netdisk sync --pull says what to do about names that are too long", async () => {
  for (const path of ["long", "long/a"]) {
    using sides = new Sides({}, { "a": "1", [path]: "2" });
    // As a disk that encrypts names has it.
    const refuse = (to: unknown) => {
      if (to !== sides.of("long")) return;
      const error = new Error("File name too long (os error 36): x");
      throw Object.assign(error, { code: "ENAMETOOLONG" });
    };
    using _folder = replace(Deno, "mkdirSync", (original) => (to, options) => {
      refuse(to);
      return original(to, options);
    });
    using _file = replace(Deno, "renameSync", (original) => (from, to) => {
      refuse(to);
      return original(from, to);
    });
    const { error, stderr } = await sides.sync("--pull");
    assertEquals(error?.code, "partial");
    const hint = "hint: netdisk mv there/long NAME gives it another, ";
    assert(stderr.includes(hint), stderr);
    assertEquals(sides.local(), { "a": "1" });
  }
});

Deno.test("netdisk sync --pull -n does not write to the local folder", async () => {
  using sides = new Sides({ "x": "1" }, { "a": "1", "A": "2" });
  const names = {
    isOneName: () => {
      throw new Error("asked");
    },
    isOneFile: () => false,
  };
  const { error } = await sides.syncWithNames(names, "--pull", "-n");
  assertEquals(error, undefined);
  assertEquals(Deno.statSync(sides.here).mtime?.getTime(), FOLDER_MTIME);
});

Deno.test("netdisk sync --delete of another spelling, where the server has one or both", async () => {
  for (const isOne of [false, true]) {
    using sides = new Sides({ "photo": "1" }, { "Photo": "1" });
    sides.disk.after = ({ type }) => {
      if (type === "put" && isOne) {
        // What it has keeps its name.
        sides.disk.remove("there/photo");
      }
      return true;
    };
    const { error, stderr } = await sides.sync("--delete");
    assertEquals(error?.code, isOne ? "partial" : undefined);
    assertEquals(Object.keys(sides.remote()), [isOne ? "Photo" : "photo"]);
    const hint = "hint: netdisk mv there/Photo there/photo";
    assertEquals(stderr.includes(hint), isOne, stderr);
  }
});

Deno.test("netdisk sync leaves alone what is no file in the target, and deletes the rest", async () => {
  using sides = new Sides({ "a": "1", "b/c": "2" }, { "old": "o" });
  sides.disk.set("there/a", { kind: "other" });
  sides.disk.set("there/b", { kind: "other" });
  const { error, stderr } = await sides.sync("--delete");
  assertEquals(error, undefined);
  assertEquals(
    stderr,
    "netdisk: there/a: it is neither file nor folder, skipped\n" +
      "netdisk: there/b: it is neither file nor folder, skipped\n" +
      "netdisk: 1 deleted, 0 unchanged, 2 skipped\n",
  );
  const json = await sides.sync("--json");
  assertEquals(json.objects().map(({ type, name }) => `${type} ${name}`), [
    "skipped there/a",
    "skipped there/b",
  ]);
});

Deno.test("netdisk sync --pull --delete takes a link along, and not what it leads to", async () => {
  using sides = new Sides({ "a": "1", "kept/x": "o", "old/y": "o" }, {
    "a": "1",
    "kept/x": "o",
  });
  Deno.symlinkSync("../kept", sides.of("old/link"));
  Deno.symlinkSync("kept", sides.of("link"));
  const { error, stderr } = await sides.sync("--pull", "--delete");
  assertEquals([error, stderr], [
    undefined,
    "netdisk: 1 deleted, 2 unchanged\n",
  ]);
  assertEquals(sides.local(), { "a": "1", "kept/": null, "kept/x": "o" });
  assertEquals(Deno.readLinkSync(sides.of("link")), "kept");
});

Deno.test("netdisk sync says when its arguments are in the wrong order", async () => {
  using sides = new Sides({ "a": "1" }, { "b": "2" });
  const pull = await sides.syncFrom(["there", "out"], "--pull");
  assertEquals(pull.error?.message, "out: no such folder on the server");
  assertEquals(
    pull.error?.hint,
    "the local folder comes first: netdisk sync --pull out there",
  );
  const push = await sides.syncFrom([sides.of("none"), sides.here]);
  assertEquals(
    push.error?.hint,
    `the local folder comes first: netdisk sync ${sides.here} ${
      sides.of("none")
    }`,
  );
});

Deno.test("netdisk sync tells once what lies too deep", async () => {
  const top = Array(250).fill("d").join("/");
  using sides = new Sides({
    [`${top}/a`]: "1",
    [`${top}/d/d/d/d/d/d/d/e`]: null,
    [`${top}/d/d/d/d/d/f`]: "2",
    [`${top}/d/d/d/d/d/g`]: "3",
  }, {
    "x": "o",
  });
  const { error, stderr } = await sides.sync("--delete");
  assertEquals(error?.code, "partial");
  assertEquals(stderr.match(/error:.*more than 256 folders deep/g)?.length, 1);
  assertEquals(sides.remote()[`${top}/a`], "1");
});

Deno.test("netdisk sync --pull goes on with a replacement that was interrupted", async () => {
  using sides = new Sides({ "a/x": "o" }, { "a": "new".repeat(1_000_000) });
  // Where it waits has one name, and so has what is left of it.
  const names = new Set<string>();
  using _ = replace(Deno, "renameSync", (original) => (from, to) => {
    if (`${to}` === sides.of("a")) names.add(`${from}`);
    return original(from, to);
  });
  for (let run = 0; run < 2; run++) {
    const { error } = await sides.sync("--pull", "--delete");
    assertEquals(error, undefined);
    Deno.removeSync(sides.of("a"));
    sides.write("a/x", "o");
  }
  assertEquals(names.size, 1);
});

Deno.test("netdisk sync --pull puts back what it cannot delete whole", async () => {
  using sides = new Sides({ "a/x": "o", "a/y": "o", "old": "o" }, { "a": "1" });
  using _ = replace(Deno, "removeSync", (original) => (path, options) => {
    if (!isAside(path)) return original(path, options);
    original(`${path}/x`);
    throw new Deno.errors.PermissionDenied("Permission denied");
  });
  // The first time as the second one.
  for (let run = 0; run < 2; run++) {
    const { stderr, error } = await sides.sync("--pull", "--delete");
    assertEquals(error?.code, "partial");
    const reason = "Permission denied, what could not be deleted is left";
    assert(stderr.includes(`error: ${sides.of("a")}: ${reason}\n`), stderr);
    assert(stderr.includes("nothing more was deleted"), stderr);
    assertEquals(sides.local(), { "a/": null, "a/y": "o", "old": "o" });
    sides.write("a/x", "o");
  }

  function isAside(path: string | URL): boolean {
    return /\.netdisk-[^/]+$/.test(`${path}`) &&
      Deno.lstatSync(path).isDirectory;
  }
});

Deno.test("netdisk sync --delete leaves one folder on the server, however often it is interrupted", async () => {
  using sides = new Sides({ "a/x": "1", "a/y": "2" }, { "a": "old" });
  for (let run = 0; run < 3; run++) {
    sides.disk.before = (request) =>
      request.type !== "put" || !request.path.endsWith("/y");
    await sides.sync("--delete", "--retries", "0");
  }
  const left = `${besidesAgain("a")}/`;
  assertEquals(Object.keys(sides.remote()), [left, `${left}x`, "a"]);
});
