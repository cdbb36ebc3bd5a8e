/**
 * Users, passwords, tokens and invites that are not what they should be: the
 * same answer whatever is wrong with them, nothing of them in the log, and no
 * folder for anybody.
 */

import { assertEquals } from "@std/assert";
import { dial, type Peer } from "../helpers/dial.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { HELLO } from "../helpers/test_client.ts";
import { control } from "./frames.ts";
import { assertServes, watchedDisk } from "./watched_disk.ts";

const disk = watchedDisk("plain");

const SECRET = "hunter2-hunter2";

const USERS = [
  ...["", ".", "..", "../other", "a/b", "a\\b", ".netdisk", "-x", "Other"],
  ...["other ", " other", "other\0", "other\n", "\u043ether", "othe\u0301r"],
  ...["x".repeat(33), "x".repeat(64), "*", "';--", "%00", "\u202eann"],
];

const TOKENS = [
  ...["A".repeat(43), "_".repeat(42) + "8", "-".repeat(43)],
];

const BAD_TOKENS = [
  ...["", "A", "A".repeat(42), "A".repeat(44), "A".repeat(42) + "="],
  ...["A".repeat(42) + "/", "A".repeat(42) + "\u0000", " ".repeat(43)],
];

async function greet(): Promise<Peer> {
  const peer = await dial(disk.server);
  await peer.ask(HELLO, "hello");
  return peer;
}

/** Sends a message as JSON, as no client of ours would, and takes the error. */
async function refusal(peer: Peer, message: unknown) {
  await peer.sendRaw(control(JSON.stringify(message)));
  const { code, message: text } = await peer.answer("error");
  return `${code}: ${text}`;
}

Deno.test("names that no user has make no folder, and are not written to the log as they are", async () => {
  const before = [...Deno.readDirSync(`${disk.server.root}/users`)].length;
  for (const user of USERS) {
    using peer = await greet();
    const register = { type: "register", user, password: SECRET, invite: null };
    const said = await refusal(peer, register);
    assertEquals(said.split(":")[0], "bad-name", user);
  }
  for (const user of [1, null, [], {}, true, "x".repeat(65), "\ud800"]) {
    using peer = await greet();
    const register = { type: "register", user, password: SECRET, invite: null };
    const said = await refusal(peer, register);
    assertEquals(said.split(":")[0], "protocol");
  }
  const after = [...Deno.readDirSync(`${disk.server.root}/users`)].length;
  assertEquals(after, before);
  assertEquals(disk.server.log.includes(SECRET), false);
  assertEquals(/[\0\u202e]|^ann/m.test(disk.server.log), false);
  await assertServes(disk);
});

Deno.test("a wrong password, an unknown user and an impossible one are told apart by nobody", async () => {
  using peer = await greet();
  const said = new Set<string>();
  for (const user of [disk.user, "nobody", "../other"]) {
    said.add(await refusal(peer, { type: "login", user, password: SECRET }));
  }
  assertEquals(said.size, 1, [...said].join());
  assertEquals([...said][0]!.split(":")[0], "denied");
  assertEquals(disk.server.log.includes(SECRET), false);
});

Deno.test("tokens that are none: unauthenticated, those of another form break the rules", async () => {
  using peer = await greet();
  for (const token of TOKENS) {
    const said = await refusal(peer, { type: "authenticate", token });
    assertEquals(said.split(":")[0], "unauthenticated");
  }
  for (const token of [...BAD_TOKENS, 1, null, [disk.client().token()]]) {
    using peer = await greet();
    const said = await refusal(peer, { type: "authenticate", token });
    assertEquals(said.split(":")[0], "protocol");
  }
  // A token is no password, and the other way round.
  using other = await greet();
  const token = disk.client().token();
  const mistaken = { type: "login", user: disk.user, password: token };
  assertEquals((await refusal(other, mistaken)).split(":")[0], "denied");
  assertEquals(disk.server.log.includes(token), false);
  await assertServes(disk);
});

Deno.test("passwords and invites of another form are refused", async () => {
  const good = { type: "register", user: "eve", password: PASSWORD };
  const cases: [message: unknown, code: string][] = [
    [{ ...good, invite: "" }, "protocol"],
    [{ ...good, invite: "A".repeat(23) }, "protocol"],
    [{ ...good, invite: 1 }, "protocol"],
    [{ ...good, password: "x".repeat(1025), invite: null }, "protocol"],
    [{ ...good, password: ["x"], invite: null }, "protocol"],
    [{ ...good, password: "\ud800".repeat(8), invite: null }, "protocol"],
    [{ type: "login", user: "eve", password: null }, "protocol"],
  ];
  for (const [message, code] of cases) {
    using peer = await greet();
    assertEquals((await refusal(peer, message)).split(":")[0], code);
  }
  await assertServes(disk);
});
