import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  discoverServers,
  type FoundServer,
  type Interface,
  linkTo,
  mergeReplies,
  Replies,
} from "../../client/discovery.ts";
import { type Announcement, encodeReply } from "../../protocol/discovery.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { until } from "../helpers/deadline.ts";
import { Answerer, replyWith } from "../helpers/answerer.ts";

const LOOPBACK: Interface[] = [
  { family: "IPv4", address: "127.0.0.1", netmask: "255.0.0.0" },
];

/** Found by nobody else: servers and tests of others may be on this machine. */
const OURS = crypto.randomUUID();

const ATTIC: Announcement = {
  name: OURS,
  port: 7000,
  plain: false,
  fingerprint: "f".repeat(43),
  host: null,
  registration: "invite",
  agent: "netdisk/0.1.0",
};

/** What is found on loopback with a name of ours. */
async function discoverOurs(): Promise<FoundServer[]> {
  const found = await discoverServers(LOOPBACK);
  return found.filter(({ name }) => name.startsWith(OURS));
}

/** The same, again and again until so many are found: a busy machine loses datagrams. */
function discoverAll(count: number): Promise<FoundServer[]> {
  return until(`${count} servers`, async () => {
    const found = await discoverOurs();
    return found.length >= count ? found : undefined;
  });
}

Deno.test("a server on this machine is found, once, though it is asked twice", async () => {
  await using answerer = new Answerer((nonce) => [encodeReply(nonce, ATTIC)]);
  assertEquals(await discoverAll(1), [{ ...ATTIC, hosts: ["127.0.0.1"] }]);
  assert(answerer.heard >= 2, `${answerer.heard} questions`);
});

Deno.test("several servers on one machine are all found", async () => {
  const servers = ["c", "a", "b"].map((name) => ({
    ...ATTIC,
    name: `${OURS}-${name}`,
    fingerprint: name.repeat(43),
  }));
  await using stack = new AsyncDisposableStack();
  for (const server of servers) {
    stack.use(new Answerer((nonce) => [encodeReply(nonce, server)]));
  }
  const names = (await discoverAll(3)).map(({ name }) => name);
  assertEquals(names, [`${OURS}-a`, `${OURS}-b`, `${OURS}-c`]);
});

Deno.test("replies that are none, or to another question, are ignored", async () => {
  await using _answerer = new Answerer((nonce) => {
    const other = nonce.slice();
    other[0]! ^= 1;
    return [
      new Uint8Array(0),
      new Uint8Array(2000),
      replyWith(nonce, "{}"),
      replyWith(nonce, "\x1b[2J"),
      replyWith(nonce, JSON.stringify({ ...ATTIC, name: "\x1b[2J" })),
      replyWith(nonce, JSON.stringify({ ...ATTIC, extra: 1 })),
      replyWith(nonce, JSON.stringify(ATTIC).padEnd(1000)),
      encodeReply(other, ATTIC),
    ];
  });
  assertEquals(await discoverOurs(), []);
});

Deno.test("a flood of replies is kept in part, and ends in time", async () => {
  let port = 0;
  await using _answerer = new Answerer((nonce) =>
    Array.from(
      { length: 1000 },
      () => encodeReply(nonce, { ...ATTIC, port: port = port % 65535 + 1 }),
    )
  );
  // Others on this machine are among the 256 that are kept.
  const { length } = await discoverAll(128);
  assert(length <= 256, `${length}`);
});

Deno.test("one machine's replies leave room for those of others", () => {
  const replies = new Replies();
  const say = (hostname: string, port: number) =>
    replies.add({ hostname, server: { ...ATTIC, port } });
  for (let port = 1; port <= 1000; port++) say("192.0.2.1", port);
  for (let i = 0; i < 2; i++) say("192.0.2.2", 6375);
  assertEquals(replies.all.length, 17);
  assertEquals(replies.all.at(-1)!.hostname, "192.0.2.2");
  for (let i = 1; i <= 250; i++) {
    for (let port = 1; port <= 20; port++) say(`198.51.100.${i}`, port);
  }
  assertEquals(replies.all.length, 256);
});

Deno.test("without a network there is an error, not an empty list", async () => {
  const error = await assertRejects(() => discoverServers([]), NetdiskError);
  assertEquals(error.code, "unreachable");
  // TEST-NET-3: an address that is not this machine's.
  const address = { family: "IPv4", address: "203.0.113.77" } as const;
  await assertRejects(
    () => discoverServers([{ ...address, netmask: "255.255.255.0" }]),
    NetdiskError,
    "there is no IPv4 network to ask: ",
  );
});

Deno.test("mergeReplies(): a server on several networks is one, loopback first", () => {
  const local = { ...ATTIC, registration: "open" } as const;
  const certified = { ...ATTIC, fingerprint: null, host: "Disk.example.org" };
  const plain = { ...ATTIC, fingerprint: null, plain: true };
  const cases: [replies: [Announcement, string][], found: FoundServer[]][] = [
    [
      [[ATTIC, "192.0.2.1"], [local, "127.0.0.1"], [ATTIC, "10.0.0.1"]],
      [{ ...local, hosts: ["127.0.0.1", "192.0.2.1", "10.0.0.1"] }],
    ],
    // Names are no identity, ports tell servers on one root of trust apart.
    [
      [[ATTIC, "192.0.2.2"], [{ ...ATTIC, port: 8000 }, "192.0.2.2"]],
      [{ ...ATTIC, hosts: ["192.0.2.2"] }, {
        ...ATTIC,
        port: 8000,
        hosts: ["192.0.2.2"],
      }],
    ],
    [
      [[certified, "192.0.2.1"], [certified, "10.0.0.1"]],
      [{ ...certified, hosts: ["disk.example.org"] }],
    ],
    // Without an identity they may be two machines of one name.
    [
      [[plain, "192.0.2.1"], [plain, "10.0.0.1"]],
      [{ ...plain, hosts: ["10.0.0.1"] }, { ...plain, hosts: ["192.0.2.1"] }],
    ],
  ];
  for (const [replies, found] of cases) {
    const heard = replies.map(([server, hostname]) => ({ server, hostname }));
    assertEquals(mergeReplies(heard), found);
  }
});

Deno.test("linkTo(): the fingerprint that was given, or the name that is certified", () => {
  assertEquals(linkTo({ ...ATTIC, hosts: ["192.0.2.1", "10.0.0.1"] }), {
    host: "192.0.2.1",
    port: 7000,
    fingerprint: ATTIC.fingerprint!,
  });
  const host = "disk.example.org";
  assertEquals(linkTo({ ...ATTIC, fingerprint: null, host, hosts: [host] }), {
    host,
    port: 7000,
  });
});
