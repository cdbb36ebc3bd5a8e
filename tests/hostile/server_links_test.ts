/** Links in the place of the server's own folders for a user. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { dial } from "../helpers/dial.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { HELLO, putRequest, sha256Of } from "../helpers/test_client.ts";
import { assertServes, logIn, watchedDisk } from "./watched_disk.ts";
import { OTHER } from "./witness.ts";

const disk = watchedDisk("plain");

/** Puts `link` in the place of a folder while `work` is under way. */
async function withLink(
  folder: string,
  target: string,
  work: () => Promise<void>,
): Promise<void> {
  const aside = join(disk.folder("aside"), "folder");
  await Deno.rename(folder, aside);
  await Deno.symlink(target, folder);
  try {
    await work();
  } finally {
    await Deno.remove(folder);
    await Deno.rename(aside, folder);
  }
}

Deno.test("a link in the place of a user's folder: nobody gets in by it", async () => {
  for (const target of [OTHER, "nowhere", disk.user, "../../outside", "/"]) {
    await withLink(disk.server.file(disk.user), target, async () => {
      using peer = await dial(disk.server);
      await peer.ask(HELLO, "hello");
      const token = disk.client().token();
      await peer.send({ type: "authenticate", token });
      assertEquals(await peer.error(), "denied", target);
      await peer.send({ type: "list", path: "" });
      assertEquals(await peer.error(), "unauthenticated", target);
    });
  }
  await assertServes(disk);
});

Deno.test("a link in the place of a user's folder, of one who is in already", async () => {
  using peer = await logIn(disk);
  const folder = disk.server.file(disk.user);
  await withLink(folder, OTHER, async () => {
    for (const type of ["get", "stat", "digest"] as const) {
      const prefix = type === "get" ? { prefix: null } : {};
      await peer.send({ type, path: "secret", ...prefix } as never);
      assertEquals(await peer.error(), "denied", type);
    }
    await peer.send({ type: "list", path: "" });
    assertEquals(await peer.error(), "not-folder");
    await peer.sendPut("made", "x");
    assertEquals(await peer.error(), "denied");
    await peer.send({ type: "remove", path: "secret", recursive: false });
    assertEquals(await peer.error(), "denied");
    await peer.send({ type: "move", from: "secret", to: "x", replace: true });
    assertEquals(await peer.error(), "denied");
    await peer.send({
      ...{ type: "touch", path: "secret", mtime: 0, executable: null },
    });
    assertEquals(await peer.error(), "denied");
    await peer.send({ type: "mkdir", path: "x", parents: true, mtime: null });
    assertEquals(await peer.error(), "denied");
  });
});

Deno.test("a link in the place of the folder of a user's uploads is not followed", async () => {
  const uploads = join(disk.server.root, ".netdisk", "uploads", disk.user);
  // It is made with the first of them.
  await assertServes(disk);
  for (const target of [OTHER, `../../users/${OTHER}`, "../../../outside"]) {
    await withLink(uploads, target, async () => {
      using peer = await logIn(disk);
      await peer.send(putRequest("w/part", 12, { ask: true }));
      assertEquals(await peer.error(), "denied", target);
      await peer.sendPut("w/part", "not finished");
      assertEquals(await peer.error(), "denied", target);
    });
  }
});

Deno.test("what lies in the place of an unfinished upload is not written into", async () => {
  const uploads = join(disk.server.root, ".netdisk", "uploads", disk.user);
  await assertServes(disk);
  const strangers = join(disk.folder("strangers"), "file");
  Deno.writeTextFileSync(strangers, "a stranger's");
  const path = join(uploads, `r-${sha256Of("film")}`);
  const plants = [
    () => Deno.linkSync(strangers, path),
    () => Deno.symlinkSync(strangers, path),
    () => Deno.mkdirSync(path),
  ];
  for (const plant of plants) {
    plant();
    using peer = await logIn(disk);
    await peer.send(putRequest("film", 100, { ask: true }));
    assertEquals((await peer.answer("continue")).offset, 0);
    await peer.sendData("y".repeat(50));
    await peer.send({ type: "cancel" });
    await peer.answer("cancelled");
    assertEquals(Deno.readTextFileSync(strangers), "a stranger's");
    assertEquals(filesBelow(uploads).length <= 1, true);
    Deno.removeSync(path, { recursive: true });
  }
});
