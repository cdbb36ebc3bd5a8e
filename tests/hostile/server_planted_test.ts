/**
 * What somebody else has put into a user's folder, behind the server's back:
 * links, pipes, devices, sockets, hard links to files of strangers. They are
 * not followed, not opened, hold up nobody, and what they lead to stays as it is.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Request } from "../../protocol/messages.ts";
import type { Peer } from "../helpers/dial.ts";
import { missingOf, type Need } from "../helpers/needs.ts";
import { commitOf, putRequest } from "../helpers/test_client.ts";
import { logIn, watchedDisk } from "./watched_disk.ts";

const disk = watchedDisk("plain");

const ROOT: Need = () => Deno.uid() === 0 ? undefined : "needs root";

/** Nobody's: of a machine's accounts only numbers are needed. */
const STRANGER = 54_321;

interface Planted {
  name: string;
  needs?: Need;
  plant(path: string): Promise<void> | void;
  /** What a listing says. */
  kind: "other" | "file";
  /** What a path below it is refused with. @default denied */
  below?: string;
  /** A put may take its place (SPEC.md 4, Looking). */
  isReplaceable?: boolean;
}

const PLANTED: readonly Planted[] = [
  link("a link to another user's file", "../other/secret"),
  link("a link to another user's folder", "../other"),
  link("a link to a file outside", "../../../outside/secret"),
  link("an absolute link", "/etc/passwd"),
  link("a link to the server's own folder", "../../.netdisk"),
  { ...link("a link that leads nowhere", "nowhere"), isReplaceable: true },
  { ...link("a link to itself", "planted"), isReplaceable: true },
  link("a link to the folder above", "."),
  { name: "a pipe", ...special("mkfifo"), kind: "other", below: "not-folder" },
  {
    name: "a socket",
    async plant(path) {
      // Nothing but the name is left when it is closed.
      const listener = Deno.listen({ transport: "unix", path: `${path}.s` });
      await Deno.rename(`${path}.s`, path);
      listener.close();
    },
    kind: "other",
    below: "not-folder",
  },
  {
    name: "a device without end",
    needs: ROOT,
    ...special("mknod", "c", "1", "5"),
    kind: "other",
    below: "not-folder",
  },
  {
    name: "a hard link to a stranger's file",
    needs: ROOT,
    plant: (path) => Deno.link(strangers, path),
    kind: "file",
    below: "not-folder",
  },
];

function link(name: string, target: string): Planted {
  return { name, kind: "other", plant: (path) => Deno.symlink(target, path) };
}

function special(command: string, ...args: string[]) {
  return {
    async plant(path: string) {
      const { success } = await new Deno.Command(command, {
        args: [path, ...args],
      }).output();
      assert(success, command);
    },
  };
}

/** A file outside of the storage root that the server may read, as root. */
let strangers = "";

Deno.test.beforeAll(() => {
  strangers = join(disk.folder("strangers"), "file");
  Deno.writeTextFileSync(strangers, "a stranger's");
  if (ROOT() === undefined) Deno.chownSync(strangers, STRANGER, STRANGER);
});

const asked = { ask: true } as const;
const touch = { type: "touch", mtime: 1000, executable: true } as const;
const mkdir = { type: "mkdir", mtime: 1000 } as const;

for (const planted of PLANTED) {
  const { name, needs, plant, kind, below = "denied", isReplaceable } = planted;
  const missing = needs && missingOf([needs]);
  Deno.test({
    name: `${name} is refused on every verb${
      missing ? ` (skipped: ${missing})` : ""
    }`,
    ignore: missing !== undefined,
    async fn() {
      const path = disk.server.file(disk.user, "planted");
      using peer = await logIn(disk);
      await plant(path);
      const before = strangersState();
      const { entry } = await peer.ask(
        { type: "stat", path: "planted" },
        "entry",
      );
      assertEquals(entry.kind, kind);
      const { entries } = await peer.ask({ type: "list", path: "" }, "entries");
      assertEquals(entries.find((it) => it.name === "planted")?.kind, kind);
      await refused(peer, "denied", [
        { type: "get", path: "planted", prefix: null },
        { type: "digest", path: "planted" },
        { ...touch, path: "planted" },
      ]);
      await refused(peer, "not-folder", [{ type: "list", path: "planted" }]);
      await refused(peer, below === "denied" ? "denied" : "exists", [
        { ...mkdir, path: "planted", parents: false },
      ]);
      await refused(peer, below, [
        { ...mkdir, path: "planted", parents: true },
        { ...mkdir, path: "planted/x", parents: true },
        { ...mkdir, path: "planted/x/y", parents: true },
        ...throughTo("planted/secret"),
        { type: "move", from: "served", to: "planted/x", replace: true },
        putRequest("planted/x", 1, asked),
      ]);
      await peer.sendPut("planted/secret", "x");
      assertEquals(await peer.error(), below);
      if (kind === "other") {
        await refused(peer, "denied", [
          { type: "move", from: "served", to: "planted", replace: true },
        ]);
      }
      if (kind === "other" && !isReplaceable) {
        await refused(peer, "denied", [putRequest("planted", 1, asked)]);
        await peer.sendPut("planted", "x");
        assertEquals(await peer.error(), "denied");
      }
      // The thing itself is the user's, to be given another name or removed.
      for (const [from, to] of [["planted", "moved"], ["moved", "planted"]]) {
        await peer.ask(
          { type: "move", from: from!, to: to!, replace: false },
          "ok",
        );
      }
      await peer.ask(
        { type: "mkdir", path: "tree", parents: false, mtime: null },
        "ok",
      );
      await peer.ask(
        { type: "move", from: "planted", to: "tree/planted", replace: false },
        "ok",
      );
      await peer.ask({ type: "remove", path: "tree", recursive: true }, "ok");
      await plant(path);
      await peer.ask(
        { type: "remove", path: "planted", recursive: false },
        "ok",
      );
      assertEquals(strangersState(), before);
    },
  });
}

/** What reads or changes what lies at a path. */
function throughTo(path: string): Request[] {
  return [
    { type: "stat", path },
    { type: "list", path },
    { type: "get", path, prefix: null },
    { type: "digest", path },
    { ...touch, path },
    { type: "move", from: path, to: "stolen", replace: true },
    { type: "remove", path, recursive: true },
  ];
}

async function refused(
  peer: Peer,
  code: string,
  requests: readonly Request[],
): Promise<void> {
  for (const request of requests) {
    await peer.send(request);
    assertEquals(await peer.error(), code, JSON.stringify(request));
  }
}

/** What could happen to a file of somebody else. */
function strangersState(): unknown {
  const { mode, mtime, size, uid, ino } = Deno.lstatSync(strangers);
  return [mode, mtime, size, uid, ino, Deno.readTextFileSync(strangers)];
}

Deno.test({
  name: "a put takes the name of a hard link and leaves the stranger's file",
  ignore: ROOT() !== undefined,
  async fn() {
    const path = disk.server.file(disk.user, "planted");
    const before = strangersState();
    using peer = await logIn(disk);
    const { size, mtime } = Deno.lstatSync(strangers);
    for (const ask of [true, false]) {
      Deno.linkSync(strangers, path);
      // As if it had come already: what is there is not even compared.
      const put = putRequest("planted", size, {
        ...{ ask, mtime: mtime!.getTime() },
      });
      await peer.send(put);
      if (ask) assertEquals((await peer.answer("continue")).offset, 0);
      const content = "x".repeat(size);
      await peer.sendData(content);
      await peer.send(commitOf(content));
      await peer.answer("receipt");
      assertEquals(Deno.readTextFileSync(path), content);
      Deno.removeSync(path);
    }
    assertEquals(strangersState(), before);
  },
});

Deno.test("a file with many names is served where all belong to one owner", async () => {
  const path = disk.store("kept", "backed up");
  Deno.linkSync(path, join(disk.folder("backup"), "kept"));
  using peer = await logIn(disk);
  assertEquals((await peer.get("kept")).length, 9);
  await peer.ask({ ...touch, path: "kept" }, "ok");
});
