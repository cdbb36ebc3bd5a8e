/**
 * Peers that break the rules: each gets a clear error or a closed connection,
 * the log names it, and everybody else is served as before.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import {
  FrameKind,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import { dial, dialAs, type Peer } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Random } from "../helpers/random.ts";
import {
  commitOf,
  HELLO,
  putRequest,
  toBytes,
} from "../helpers/test_client.ts";

const disk = sharedDisk(["--plain"]);

/** The shared server still serves, and its log is one event a line. */
async function assertServes(): Promise<void> {
  assertOutcome(await disk.client().run(["ls", "--plain"]));
  const line =
    /^\d{4}-\d\d-\d\dT[\d:.]+Z [a-z-]+( [a-z]+=("([^"\\]|\\.)*"|\S+))*$/;
  // Behind the last line end there may be a part of a line.
  for (const text of disk.server.log.split("\n").slice(0, -1)) {
    assertMatch(text, line);
  }
}

/** Waits for the log line about a peer. */
function logged(peer: Peer, event: string, reason: string) {
  const port = peer.port;
  return disk.server.logs(
    new RegExp(
      ` ${event} peer=127\\.0\\.0\\.1:${port}( user=ann)? reason="${reason}`,
    ),
  );
}

/** A frame's header. */
function header(length: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(5);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint8(4, kind);
  return bytes;
}

const control = (payload: string | Uint8Array) => {
  const bytes = toBytes(payload);
  return Uint8Array.of(...header(bytes.length, FrameKind.control), ...bytes);
};

const strangers: [name: string, bytes: Uint8Array, reason: string][] = [
  ["HTTP", toBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "frame kind 47"],
  ["noise", new Random(7).bytes(100_000), "frame kind"],
  [
    "a TLS hello",
    Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
    "the peer speaks TLS",
  ],
  [
    "a length of 4 GiB",
    header(0xffffffff, FrameKind.control),
    "4294967295 bytes is over the limit",
  ],
  ["a length of 0", header(0, FrameKind.control), "no payload"],
  ["a kind that is none", header(10, 3), "frame kind 3"],
  [
    "a control frame that is too long for a stranger",
    header(MAX_CONTROL_BYTES_BEFORE_LOGIN + 1, FrameKind.control),
    `over the limit of ${MAX_CONTROL_BYTES_BEFORE_LOGIN}`,
  ],
  [
    "a data frame that is too long",
    header(MAX_DATA_BYTES + 1, FrameKind.data),
    "over the limit",
  ],
  ["what is not UTF-8", control(Uint8Array.of(0x22, 0xff, 0x22)), "not UTF-8"],
  ["what is not JSON", control("{'type': 'ping'}"), "not JSON"],
  ["JSON that is no message", control("[]"), "not an object"],
  ["an unknown message", control('{"type":"exec"}'), "type is unknown"],
  ["a field too many", control('{"type":"ping","x":1}'), "unknown field"],
  ["data", Uint8Array.of(...header(1, FrameKind.data), 0), "limit of 0"],
  ["a ping before hello", control('{"type":"ping"}'), "out of order"],
];

for (const [name, bytes, reason] of strangers) {
  Deno.test(`a stranger sends ${name}: an error, the log names the peer`, async () => {
    using peer = await dial(disk.server);
    await peer.sendRaw(bytes);
    const answers = await peer.rest();
    assertEquals(answers.length, 1);
    const [error] = answers;
    assert(error && "type" in error && error.type === "error");
    assertEquals(error.code, "protocol");
    assert(error.message.includes(reason), error.message);
    await logged(peer, "closed", "");
    await assertServes();
  });
}

const greeted: [
  name: string,
  send: (peer: Peer) => Promise<void>,
  code: string,
][] = [
  ["hello twice", (peer) => peer.send(HELLO), "protocol"],
  ["data before login", (peer) => peer.sendData("x"), "protocol"],
  ["commit without a put", (peer) => peer.send(commitOf("x")), "protocol"],
];

for (const [name, send, code] of greeted) {
  Deno.test(`a stranger sends ${name}: ${code}, and the end`, async () => {
    using peer = await dial(disk.server);
    await peer.ask(HELLO, "hello");
    await send(peer);
    assertEquals(await peer.error(), code);
    assertEquals(await peer.rest(), []);
    await logged(peer, "closed", "");
    await assertServes();
  });
}

Deno.test("files are for those who have logged in", async () => {
  using peer = await dial(disk.server);
  await peer.ask(HELLO, "hello");
  const requests: Request[] = [
    { type: "list", path: "" },
    { type: "stat", path: "" },
    { type: "get", path: "", prefix: null },
  ];
  for (const request of requests) {
    await peer.send(request);
    assertEquals(await peer.error(), "unauthenticated", request.type);
  }
  await peer.send(putRequest("file", 1, { ask: true }));
  assertEquals(await peer.error(), "unauthenticated");
});

Deno.test("a client of another version is told so", async () => {
  using peer = await dial(disk.server);
  await peer.send({ ...HELLO, version: 2 });
  assertEquals(await peer.error(), "version");
  assertEquals(await peer.rest(), []);
  await assertServes();
});

Deno.test("a token that is none is refused, and not in the log", async () => {
  using peer = await dial(disk.server);
  await peer.ask(HELLO, "hello");
  const token = "t".repeat(43);
  await peer.send({ type: "authenticate", token });
  assertEquals(await peer.error(), "unauthenticated");
  await logged(peer, "authenticate-failed", "");
  assertEquals(disk.server.log.includes(token), false);
});

for (
  const [name, bytes] of [
    ["in a header", Uint8Array.of(0, 0, 0)],
    ["in a payload", Uint8Array.of(...header(100, FrameKind.control), 0x7b)],
  ] as const
) {
  Deno.test(`a stream that ends ${name} is a violation`, async () => {
    using peer = await dial(disk.server);
    await peer.ask(HELLO, "hello");
    await peer.sendRaw(bytes);
    await peer.end();
    assertEquals(await peer.error(), "protocol");
    await logged(peer, "closed", "the stream ended");
    await assertServes();
  });
}

Deno.test("a put that ends in its middle leaves nothing", async () => {
  using peer = await dialAs(disk.server, disk.client());
  await peer.send(putRequest("cut-off", 200_000));
  await peer.sendData(new Uint8Array(100_000));
  await disk.server.holdsPartial(1);
  await peer.end();
  await logged(peer, "lost", "the connection ended in the middle");
  await disk.server.noPartial();
  const { stdout } = await disk.client().run(["ls", "--plain"]);
  assertEquals(stdout.includes("cut-off"), false);
});

Deno.test("bytes that do not fit their announced hash or length are not stored", async () => {
  using peer = await dialAs(disk.server, disk.client());
  await peer.send(putRequest("damaged", 5));
  await peer.sendData("hallo");
  await peer.send(commitOf("hello"));
  assertEquals(await peer.error(), "integrity");
  for (const size of [4, 6]) {
    await peer.send(putRequest("damaged", size));
    await peer.sendData("hello");
    await peer.send(commitOf("hello"));
    assertEquals(await peer.error(), "integrity");
  }
  await peer.send({ type: "stat", path: "damaged" });
  assertEquals(await peer.error(), "not-found");
  assertEquals(disk.server.uploads(), []);
});

Deno.test("paths that leave the user's folder do not get past the server either", async () => {
  for (
    const path of [
      "..",
      "../ann",
      "a/../../ann",
      "/etc/passwd",
      "a//b",
      "a\0b",
      ".",
    ]
  ) {
    using peer = await dialAs(disk.server, disk.client());
    await peer.send({ type: "get", path, prefix: null });
    assertEquals(await peer.error(), "protocol", path);
  }
  await assertServes();
});

Deno.test("another client works while many strangers are silent", async () => {
  const peers: Peer[] = [];
  for (let i = 0; i < 50; i++) peers.push(await dial(disk.server));
  for (const peer of peers) await peer.sendRaw(Uint8Array.of(0, 0));
  await assertServes();
  for (const peer of peers) peer.close();
});
