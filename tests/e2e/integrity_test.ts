/**
 * What arrives is what was sent, however the bytes travel: damaged, in pieces,
 * all at once, or in a crowd.
 */

import { assert, assertEquals } from "@std/assert";
import { encodeFrame, FrameKind } from "../../protocol/frame.ts";
import { encodeMessage, type Request } from "../../protocol/messages.ts";
import { dial } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Random } from "../helpers/random.ts";
import {
  commitOf,
  HELLO,
  putRequest,
  sha256Of,
  toBytes,
} from "../helpers/test_client.ts";

// TLS would notice the damage before we do.
const disk = sharedDisk(["--plain"]);

/** Beyond all that is said before a file's bytes. */
const AMID_DATA = 100_000;
const LARGE = new Random(1).bytes(400_000);

function control(request: Request): Uint8Array {
  return encodeFrame(FrameKind.control, encodeMessage(request));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a download that was damaged on its way: exit 7, the old file stays", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  Deno.writeFileSync(disk.server.file("ann", "fetched"), LARGE);
  ann.write("fetched", "old");
  gate.damage("down", AMID_DATA);
  assertOutcome(await ann.run(["get", "fetched", "--plain"]), {
    code: 7,
    stderr:
      "netdisk: error: fetched: checksum mismatch, nothing was replaced\n",
  });
  assertEquals([ann.names(), ann.read("fetched")], [["fetched"], "old"]);
  assertOutcome(await ann.run(["get", "fetched", "--plain"]));
  assertEquals(Deno.readFileSync(ann.path("fetched")), LARGE);
});

Deno.test("an upload that was damaged on its way: exit 7, the old file stays", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  const stored = disk.server.file("ann", "sent");
  Deno.writeTextFileSync(stored, "old");
  ann.write("sent", LARGE);
  gate.damage("up", AMID_DATA);
  assertOutcome(await ann.run(["put", "sent", "--plain"]), {
    code: 7,
    stderr: "netdisk: error: sent: checksum mismatch, nothing was replaced\n",
  });
  assertEquals(Deno.readTextFileSync(stored), "old");
  assertEquals(disk.server.uploads(), []);
  assertOutcome(await ann.run(["put", "sent", "--plain"]));
  assertEquals(Deno.readFileSync(stored), LARGE);
});

for (const way of ["byte by byte", "in one piece"]) {
  Deno.test(`a conversation that comes ${way} is understood`, async () => {
    using peer = await dial(disk.server);
    const path = `pieces ${way}`;
    const token = disk.client().token();
    const content = toBytes("the content");
    const bytes = joined(
      control(HELLO),
      control({ type: "authenticate", token }),
      control(putRequest(path, content.length)),
      encodeFrame(FrameKind.data, content.subarray(0, 4)),
      encodeFrame(FrameKind.data, content.subarray(4)),
      control(commitOf(content)),
      control({ type: "get", path, prefix: null }),
      control({ type: "ping" }),
    );
    const step = way === "in one piece" ? bytes.length : 1;
    for (let at = 0; at < bytes.length; at += step) {
      await peer.sendRaw(bytes.subarray(at, at + step));
    }
    await peer.answer("hello");
    await peer.answer("session");
    const { size, sha256 } = await peer.answer("receipt");
    assertEquals([size, sha256], [content.length, sha256Of(content)]);
    assertEquals((await peer.answer("file")).size, content.length);
    assertEquals(await peer.next(), content);
    assertEquals((await peer.answer("done")).sha256, sha256Of(content));
    await peer.answer("pong");
  });
}

Deno.test("many clients at once: each file whole, one name holds one of them", async () => {
  const random = new Random(2);
  const crowd = Array.from({ length: 6 }, (_, i) => {
    const client = disk.client();
    const name = `own-${i}`;
    const content = random.bytes(300_000 + i);
    client.write(name, content);
    client.write("common", content);
    return { client, name, content };
  });
  const puts = crowd.flatMap(({ client, name }) => [
    client.run(["put", "--plain", name, "--to", "crowd/"]),
    client.run(["put", "--plain", "common", "--to", "crowd/"]),
  ]);
  for (const outcome of await Promise.all(puts)) assertOutcome(outcome);
  const gets = crowd.map(({ client, name }) =>
    client.run(["get", "--plain", `crowd/${name}`, "--to", "back"])
  );
  for (const outcome of await Promise.all(gets)) assertOutcome(outcome);
  for (const { client, content } of crowd) {
    assertEquals(Deno.readFileSync(client.path("back")), content);
  }
  const common = sha256Of(
    Deno.readFileSync(disk.server.file("ann", "crowd/common")),
  );
  assert(crowd.some(({ content }) => sha256Of(content) === common));
});

Deno.test("a thousand small files in one command, both ways", async () => {
  const ann = disk.client();
  const names = Array.from({ length: 1000 }, (_, i) => `file-${i}`);
  for (const name of names) ann.write(`small/${name}`, `content of ${name}`);
  const cwd = ann.path("small");
  assertOutcome(
    await ann.run(["put", "--plain", ...names, "-t", "small/"], { cwd }),
    { stderr: "netdisk: 1 000 files uploaded\n" },
  );
  const remote = names.map((name) => `small/${name}`);
  assertOutcome(await ann.run(["get", "--plain", ...remote]), {
    stderr: "netdisk: 1 000 files downloaded\n",
  });
  for (const name of names) assertEquals(ann.read(name), `content of ${name}`);
});
