/**
 * Two users, every verb, the other one's paths, unfinished uploads and hashes:
 * nothing succeeds, and no answer tells whether there is such a thing.
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Request, Response } from "../../protocol/messages.ts";
import { dial, type Peer } from "../helpers/dial.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import {
  commitOf,
  HELLO,
  putRequest,
  sha256Of,
} from "../helpers/test_client.ts";
import { logIn, watchedDisk } from "./watched_disk.ts";
import { OTHER } from "./witness.ts";

const disk = watchedDisk("plain");

const NOBODY = "nobody".slice(0, OTHER.length);
const UNFINISHED = `r-${sha256Of("w/part")}`;

/** Ways to write down something that belongs to `user`. */
const PATHS: readonly ((user: string) => string)[] = [
  (user) => user,
  (user) => `${user}/secret`,
  (user) => `users/${user}/secret`,
  (user) => `../${user}`,
  (user) => `../${user}/secret`,
  (user) => `../../users/${user}/secret`,
  (user) => `x/../../${user}/secret`,
  (user) => `./../${user}/secret`,
  (user) => `/users/${user}/secret`,
  (user) => `${disk.server.root}/users/${user}/secret`,
  (user) => `file://${disk.server.root}/users/${user}/secret`,
  (user) => `%2e%2e/${user}/secret`,
  (user) => `..%2f${user}%2fsecret`,
  (user) => `..\\${user}\\secret`,
  (user) => `..\u2215${user}\u2215secret`,
  (user) => `\uff0e\uff0e/${user}/secret`,
  (user) => `~${user}/secret`,
  (user) => `../${user}\0/secret`,
  (user) => `.netdisk/uploads/${user}/${UNFINISHED}`,
  (user) => `../../.netdisk/uploads/${user}/${UNFINISHED}`,
  (user) => `${user}/${UNFINISHED}`,
];

/** Every verb that looks at what is there. */
const LOOKING: readonly ((path: string) => Request)[] = [
  (path) => ({ type: "stat", path }),
  (path) => ({ type: "list", path }),
  (path) => ({ type: "digest", path }),
  (path) => ({ type: "get", path, prefix: null }),
  (path) => ({
    ...{ type: "get", path },
    prefix: { size: 15, sha256: sha256Of("of another user") },
  }),
  (path) => ({ type: "touch", path, mtime: 1000, executable: true }),
  (path) => ({ type: "remove", path, recursive: false }),
  (path) => ({ type: "remove", path, recursive: true }),
  (from) => ({ type: "move", from, to: "stolen", replace: true }),
];

/** ... and that makes something: of an own path it may. */
const MAKING: readonly ((path: string) => Request)[] = [
  (path) => ({ type: "mkdir", path, parents: false, mtime: null }),
  (path) => ({ type: "mkdir", path, parents: true, mtime: 1000 }),
  (path) => putRequest(path, 1, { ask: true }),
  (path) => putRequest(path, 1, { ask: true, replace: false }),
  (to) => ({ type: "move", from: "served", to, replace: true }),
];

/** What one request is answered with, on a connection of its own. */
async function answerTo(request: Request): Promise<Response> {
  using peer = await logIn(disk);
  await peer.send(request);
  const answer = await peer.next();
  if (!answer || answer instanceof Uint8Array) throw new Error("no answer");
  return answer;
}

for (const verb of LOOKING) {
  const { type } = verb("x");
  Deno.test(`${type} of another user's path: as if there were nothing`, async () => {
    for (const path of PATHS) {
      const there = await answerTo(verb(path(OTHER)));
      assertEquals(there.type, "error", path(OTHER));
      const code = "code" in there && there.code;
      const breaksRules = /^\/|\/\/|\.\.\/|\0/.test(path(OTHER));
      assertEquals(code, breaksRules ? "protocol" : "not-found", path(OTHER));
      assertEquals(there, await answerTo(verb(path(NOBODY))), path(OTHER));
    }
  });
}

for (const verb of MAKING) {
  const { type } = verb("x");
  Deno.test(`${type} to another user's path makes nothing there`, async () => {
    const answers: Response[][] = [];
    for (const user of [OTHER, NOBODY]) {
      const those: Response[] = [];
      for (const path of PATHS) those.push(await answerTo(verb(path(user))));
      answers.push(those);
      await clear();
    }
    assertEquals(answers[0], answers[1]);
  });
}

/** The user's folder as it was: requests in here are about what is not there. */
async function clear(): Promise<void> {
  using peer = await logIn(disk);
  const { entries } = await peer.ask({ type: "list", path: "" }, "entries");
  for (const { name: path } of entries) {
    await peer.ask({ type: "remove", path, recursive: true }, "ok");
  }
  await peer.sendPut("served", "still");
  await peer.answer("receipt");
}

/** A connection of a second account. */
async function bob(): Promise<Peer> {
  const peer = await dial(disk.server);
  await peer.ask(HELLO, "hello");
  const credentials = { user: "bob", password: PASSWORD };
  await peer.ask(
    { type: "register", ...credentials, invite: null },
    "session",
  );
  return peer;
}

Deno.test("another user's unfinished upload is offered to nobody, whatever the hash", async () => {
  const content = "x".repeat(100_000);
  const part = content.slice(0, 40_000);
  const put = putRequest("film", content.length, { ask: true });
  {
    using ann = await logIn(disk);
    await ann.send(put);
    await ann.answer("continue");
    await ann.sendData(part);
    await disk.server.holdsPartial(part.length);
    await ann.end();
    await ann.rest();
  }
  const partial = join(disk.user, `r-${sha256Of("film")}`);
  assertEquals(disk.server.uploads().includes(partial), true);
  using peer = await bob();
  await peer.send(put);
  assertEquals((await peer.answer("continue")).offset, 0);
  await peer.send({ type: "cancel" });
  await peer.answer("cancelled");
  // The same hash, without being asked for it.
  await peer.send(put);
  assertEquals((await peer.answer("continue")).offset, 0);
  await peer.send({ type: "prefix", sha256: sha256Of(part) });
  assertEquals(await peer.error(), "protocol");
  assertEquals(await peer.rest(), []);
  // It is there for the one whose it is.
  using ann = await logIn(disk);
  await ann.send(put);
  assertEquals((await ann.answer("continue")).offset, part.length);
  await ann.send({ type: "prefix", sha256: sha256Of(part) });
  assertEquals((await ann.answer("continue")).offset, part.length);
  await ann.sendData(content.slice(part.length));
  await ann.send(commitOf(content));
  await ann.answer("receipt");
  assertEquals(filesBelow(disk.server.file("bob")), []);
});

Deno.test("a file is had by its hash by nobody", async () => {
  // What another user has, as if an earlier upload of ours had got so far.
  const secret = "of another user";
  using peer = await logIn(disk);
  await peer.send(putRequest("secret", secret.length, { ask: true }));
  assertEquals((await peer.answer("continue")).offset, 0);
  await peer.send(commitOf(secret));
  assertEquals(await peer.error(), "integrity");
  await peer.send({ type: "stat", path: "secret" });
  assertEquals(await peer.error(), "not-found");
});
