/** Sending to people, from one real program to another. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { Random } from "../helpers/random.ts";

const MIB = 1024 * 1024;

const disk = sharedDisk(["--quota", "40M"]);

/** A user of one's own. */
async function user(name: string): Promise<Client> {
  const client = disk.stranger();
  await client.register(name, disk.server.address);
  return client;
}

/** Files of all parcels that are delivered to a user, or on their way. */
function stored(name: string, place = "inbox"): string[] {
  return filesBelow(`${disk.server.root}/.netdisk/${place}`)
    .filter((path) => path.startsWith(`${name}/`))
    .map((path) => path.replace(/^[^/]*\/[^/]*\//, ""));
}

Deno.test("a parcel goes from one user to another", async () => {
  const [ben, cleo] = [await user("ben"), await user("cleo")];
  const content = new Random(1).bytes(9 * MIB);
  ben.write("photo.raw", content);
  ben.write("notes.txt", "as promised");
  assertOutcome(
    await ben.run(["send", "cleo", "photo.raw", "notes.txt", "-m", "-"], {
      stdin: "here you are\nben\n",
    }),
    { stderr: "netdisk: sent to cleo: 2 files, 9.00 MiB\n" },
  );
  assertOutcome(await cleo.run(["whoami"]), {
    stdout: `cleo@${disk.server.address}\n`,
    stderr: "netdisk: 1 new in your inbox: netdisk inbox\n",
  });
  const there = ["--server", disk.server.address];
  assertOutcome(await cleo.run(["whoami", ...there]), {
    stdout: `cleo@${disk.server.address}\n`,
    stderr: `netdisk: 1 new in your inbox: netdisk inbox ${there.join(" ")}\n`,
  });
  assertOutcome(await cleo.run(["inbox"]), {
    stdout: "   NUMBER  DATE              FROM  FILES  SIZE      MESSAGE\n" +
      "*  1       [..]  ben   2      9.00 MiB  here you are\n",
  });
  assertOutcome(await cleo.run(["inbox", "read", "1"]), {
    stdout: "From: ben\nDate: [..]\n\nhere you are\nben\n\n" +
      "-              11  [..]  notes.txt\n-         9437184  [..]  photo.raw\n",
  });
  const { stdout } = await cleo.run(["inbox", "--json"]);
  const [parcel, result] = stdout.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(
    [parcel.type, parcel.number, parcel.from, parcel.read, parcel.files],
    ["parcel", 1, "ben", true, 2],
  );
  assertEquals(result, { type: "result", version: 1, exitCode: 0 });

  // What is here stays here.
  cleo.write("notes.txt", "her own");
  const { code, stderr } = await cleo.run(["inbox", "get", "1"]);
  assertEquals(code, 8);
  assertMatch(stderr, /notes\.txt: it is there already/);
  assertEquals(cleo.read("notes.txt"), "her own");
  assertEquals(Deno.readFileSync(cleo.path("photo.raw")), content);
  assertOutcome(await cleo.run(["inbox", "get", "1", "-q", "--to", "new/"]));
  assertEquals(cleo.names("new"), ["notes.txt", "photo.raw"]);

  assertOutcome(await cleo.run(["inbox", "save", "1", "--to", "from/ben"]), {
    stderr: "netdisk: 2 files saved in '/from/ben' on the server\n",
  });
  assertEquals(
    Deno.readFileSync(disk.server.file("cleo", "from/ben/photo.raw")),
    content,
  );
  assertOutcome(await cleo.run(["inbox", "save", "1"]), {
    code: 3,
    stderr: "netdisk: error: parcel 1: it has no files\n",
  });
  assertOutcome(await cleo.run(["inbox", "delete", "1", "-q"]));
  assertOutcome(await cleo.run(["inbox", "read", "1"]), {
    code: 3,
    stderr: "netdisk: error: there is no parcel 1\n",
  });
  assertOutcome(await cleo.run(["inbox"]), {
    stderr: "netdisk: the inbox is empty\n",
  });
  assertEquals([...stored("cleo"), ...stored("cleo", "drafts")], []);
});

Deno.test("an interrupted send goes on when the same command is given again", async () => {
  const dora = await user("dora");
  await using gate = new Gate(disk.server.port);
  const emil = await user("emil");
  emil.readdress(disk.server.address, gate.address);
  const content = new Random(2).bytes(20 * MIB);
  emil.write("film.mkv", content);
  const argv = ["send", "dora", "film.mkv", "-m", "for tonight"];
  gate.hold("up", 12 * MIB);
  {
    await using process = emil.start(argv);
    await gate.holds();
    await disk.server.holdsPartial(9 * MIB);
    process.signal("SIGINT");
    const { code, stderr } = await process.outcome();
    assertEquals(code, 130);
    assertMatch(
      stderr,
      /nothing was delivered to dora; the same command goes on where this one stopped\n/,
    );
  }
  await gate.reset();
  assertOutcome(await dora.run(["inbox"]), {
    stderr:
      "netdisk: the inbox is empty\nnetdisk: not delivered yet, from: emil\n",
  });
  const before = gate.passed.up;
  assertOutcome(await emil.run(argv), {
    stderr: "netdisk: sent to dora: 1 file, 20.0 MiB\n",
  });
  const passed = gate.passed.up - before;
  assert(passed < 14 * MIB, `${passed} bytes were sent again`);
  assertOutcome(await dora.run(["inbox", "get", "1", "-q"]));
  assertEquals(Deno.readFileSync(dora.path("film.mkv")), content);
});

Deno.test("the same command several times at once sends as many parcels", async () => {
  const [nina, otto] = [await user("nina"), await user("otto")];
  const names = ["a", "b", "c"];
  for (const name of names) nina.write(name, name);
  nina.write("large.bin", new Random(4).bytes(9 * MIB));
  const argv = ["send", "otto", ...names, "large.bin", "-m", "all of it"];
  const outcomes = await Promise.all([1, 2, 3].map(() => nina.run(argv)));
  for (const { code, stderr } of outcomes) {
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /netdisk: sent to otto: 4 files, 9\.00 MiB\n$/);
  }
  const { stdout } = await otto.run(["inbox"]);
  assertEquals(stdout.match(/ {2}4 {6}9\.00 MiB {2}all of it\n/g)?.length, 3);
  assertEquals(stored("otto", "drafts"), []);
  assertOutcome(await otto.run(["inbox", "delete", "--from", "nina"]), {
    stderr: "netdisk: 3 parcels deleted\n",
  });
});

Deno.test("a send survives a connection that is lost", async () => {
  const flora = await user("flora");
  await using gate = new Gate(disk.server.port);
  const gus = await user("gus");
  gus.readdress(disk.server.address, gate.address);
  const content = new Random(3).bytes(12 * MIB);
  gus.write("film.mkv", content);
  gus.write("notes.txt", "notes");
  gate.hold("up", 6 * MIB);
  await using process = gus.start(["send", "flora", "notes.txt", "film.mkv"]);
  await gate.holds();
  await gate.reset();
  const { code, stderr } = await process.outcome();
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /trying again/);
  assertOutcome(await flora.run(["inbox", "get", "1", "-q"]));
  assertEquals(Deno.readFileSync(flora.path("film.mkv")), content);
  assertEquals(flora.read("notes.txt"), "notes");
});

Deno.test("what does not fit the receiver is refused, and nothing is delivered", async () => {
  const [hans, ida] = [await user("hans"), await user("ida")];
  hans.write("small", "x");
  hans.write("large", new Uint8Array(41 * MIB));
  assertOutcome(await hans.run(["send", "ida", "small", "large"]), {
    code: 6,
    stderr:
      "netdisk: error: large: ida has no room for it; nothing was sent to ida\n",
  });
  assertOutcome(await ida.run(["inbox"]), {
    stderr: "netdisk: the inbox is empty\n",
  });
  assertEquals([...stored("ida"), ...stored("ida", "drafts")], []);
  await until("room", async () => {
    const { stdout } = await ida.run(["quota"]);
    return stdout.startsWith("0 B used");
  });
  assertOutcome(await hans.run(["send", "nobody", "small"]), {
    code: 3,
    stderr: "netdisk: error: there is no user 'nobody'\n",
  });
});

Deno.test("senders can be blocked", async () => {
  const [jo, kim] = [await user("jo"), await user("kim")];
  assertOutcome(await kim.run(["inbox", "block", "jo", "--json"]), {
    stdout: '{"type":"blocked","version":1,"user":"jo"}\n' +
      '{"type":"result","version":1,"exitCode":0}\n',
    stderr: "netdisk: jo: blocked\n",
  });
  assertOutcome(await jo.run(["send", "kim", "-m", "hello"]), {
    code: 4,
    stderr: "netdisk: error: kim takes nothing from you\n",
  });
  assertOutcome(await kim.run(["inbox", "blocked"]), { stdout: "jo\n" });
  assertOutcome(await kim.run(["inbox", "unblock", "jo", "-q"]));
  assertOutcome(await jo.run(["send", "kim", "-m", "hello", "-q"]));
});

Deno.test("names that a sender has chosen do no harm", async () => {
  const [lee, mia] = [await user("lee"), await user("mia")];
  lee.write(".bashrc", "echo hello");
  lee.write("a\x1b]0;title\x07b", "x");
  assertOutcome(await lee.run(["send", "mia", ".bashrc", "-q"]));
  assertOutcome(await lee.run(["send", "mia", "a\x1b]0;title\x07b"]), {
    code: 6,
    stderr:
      "netdisk: error: a\\x1b]0;title\\x07b: the name has a control character\n",
  });
  assertOutcome(await mia.run(["inbox", "get", "1"]), {
    code: 6,
    stderr:
      "netdisk: error: parcel 1: .bashrc: the name begins with a dot, a program may take it for its settings\n" +
      "netdisk: hint: netdisk inbox get 1 --hidden\n",
  });
  assertEquals(mia.names(), []);
  mia.write(".bashrc", "her own");
  const { code } = await mia.run(["inbox", "get", "1", "--hidden"]);
  assertEquals(code, 6);
  assertEquals(mia.read(".bashrc"), "her own");
});

Deno.test("an account that is removed takes its inbox along", async () => {
  const [nick, olga] = [await user("nick"), await user("olga")];
  nick.write("a.txt", "for olga");
  assertOutcome(await nick.run(["send", "olga", "a.txt", "-q"]));
  assertOutcome(await olga.run(["send", "nick", "-m", "thanks", "-q"]));
  assertEquals(stored("olga"), ["a.txt"]);
  const root = ["--root", disk.server.root];
  assertOutcome(await olga.run(["admin", "remove", "olga", "-y", ...root]), {
    stderr: "netdisk: olga: removed; the files stay in [..]\n",
  });
  assertEquals(stored("olga"), []);
  const code = (await nick.run(["send", "olga", "a.txt"])).code;
  assertEquals(code, 3);
  assertOutcome(await nick.run(["inbox", "read", "1"]), {
    stdout: "From: olga\nDate: [..]\n\nthanks\n",
  });
});

Deno.test("netdisk inbox and its commands take the usual options", async () => {
  const paul = await user("paul");
  const help = await paul.run(["inbox", "-h"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const word of ["read", "save", "get", "delete", "block", "unblock"]) {
    const { code, stderr } = await paul.run(["inbox", word]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, new RegExp(`hint: netdisk help inbox ${word}`));
  }
  const { code, stderr } = await paul.run(["inbox", "dlete", "1"]);
  assertEquals(code, 2);
  assertMatch(stderr, /did you mean 'delete'/);
  const stranger = disk.stranger();
  const server = ["--server", disk.server.address, "--accept-new"];
  assertEquals((await stranger.run(["inbox", ...server])).code, 4);
});
