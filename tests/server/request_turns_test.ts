import { assert, assertEquals, assertLess } from "@std/assert";
import { setImmediate } from "node:timers";
import { type ByteConnection, FrameChannel } from "../../protocol/channel.ts";
import { FrameKind, writeFrameHeader } from "../../protocol/frame.ts";
import { encodeMessage, type Request } from "../../protocol/messages.ts";
import { RequestTurns } from "../../server/request_turns.ts";
import { Session } from "../../server/session.ts";
import { within } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { HELLO } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";

/** Always over its time. */
const NO_TIME = { slice: 0, pauseAfter: 8 };

const nextRound = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("whoever comes first need not wait, nor who comes within the slice", () => {
  const turns = new RequestTurns(() => 2, { slice: Infinity, pauseAfter: 8 });
  assertEquals(turns.next("ann"), undefined);
  assertEquals(turns.next("ann"), undefined);
  assertEquals(turns.next("bob"), undefined);
});

Deno.test("owners take turns, however many connections each of them has", async () => {
  const turns = new RequestTurns(() => 2, NO_TIME);
  turns.next("ann");
  const order: string[] = [];
  const waiting = ["ann", "ann", "ann", "bob", "carl"].map(async (owner) => {
    await turns.next(owner);
    order.push(owner);
  });
  await Promise.all(waiting);
  assertEquals(order, ["ann", "bob", "carl", "ann", "ann"]);
});

Deno.test("others are listened to while one always has more", async () => {
  const turns = new RequestTurns(() => 2, NO_TIME);
  let isOver = false;
  let served = 0;
  const busy = (async () => {
    while (!isOver) {
      await turns.next("ann");
      served++;
    }
  })();
  await nextRound();
  await nextRound();
  isOver = true;
  await busy;
  assert(served > 0);
});

Deno.test("after a quiet time nobody has to wait", async () => {
  const turns = new RequestTurns(() => 2, NO_TIME);
  turns.next("ann");
  await turns.next("ann");
  await nextRound();
  await nextRound();
  assertEquals(turns.next("ann"), undefined);
});

/** A client that has always sent more already, and takes every answer at once. */
class QuickClient implements ByteConnection {
  left: Uint8Array;

  constructor(...requests: Request[]) {
    const frames = requests.map((request) => {
      const payload = encodeMessage(request);
      const frame = new Uint8Array(5 + payload.length);
      writeFrameHeader(frame, FrameKind.control, payload.length);
      frame.set(payload, 5);
      return [...frame];
    });
    this.left = Uint8Array.from(frames.flat());
  }

  read(target: Uint8Array): Promise<number | null> {
    const some = this.left.subarray(0, target.length);
    target.set(some);
    this.left = this.left.subarray(some.length);
    return Promise.resolve(some.length || null);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

Deno.test("a client that never has to be waited for is not served alone", async () => {
  await using fixture = new Fixture();
  const client = fixture.connect();
  await client.ask(HELLO, "hello");
  const password = "correct horse";
  const { token } = await client.ask(
    { type: "register", user: "ann", password, invite: null },
    "session",
  );
  const pings = new Array<Request>(20_000).fill({ type: "ping" });
  const quick = new QuickClient(
    HELLO,
    { type: "authenticate", token: token! },
    ...pings,
  );
  const session = new Session(new FrameChannel(quick), fixture, {
    address: "192.0.2.1:5001",
    registration: "open",
  });
  const ended = session.run();
  await nextRound();
  assert(quick.left.length > 0, "nobody else had their turn");
  await within("the end of the session", ended);
  assertEquals(quick.left.length, 0);
});

Deno.test("who lists large folders on many connections lets others have their turn", async () => {
  await using fixture = new Fixture();
  using client = await fixture.login("ann");
  const first = fixture.path("0");
  Deno.writeTextFileSync(first, "");
  for (let i = 1; i < 2000; i++) Deno.linkSync(first, fixture.path(`${i}`));
  const turns = new RequestTurns(() => 2, NO_TIME);
  const { accounts, storage, office, live, counters } = fixture;
  const services = { accounts, storage, office, live, turns, counters };
  const token = fixture.tokenOf("ann");
  let looked = 0;
  using _ = replace(Deno, "lstatSync", (original) => (path) => {
    looked++;
    return original(path);
  });
  const listings = Array.from({ length: 10 }, (_, i) => {
    const quick = new QuickClient(
      HELLO,
      { type: "authenticate", token },
      { type: "list", path: "" },
    );
    const address = `192.0.2.1:${6000 + i}`;
    const peer = { address, registration: "open" } as const;
    return new Session(new FrameChannel(quick), services, peer).run();
  });
  let isOver = false;
  let most = 0;
  const other = (async () => {
    while (!isOver) {
      const before = looked;
      await turns.next("bob");
      most = Math.max(most, looked - before);
    }
  })();
  await within("the listings", Promise.all(listings));
  isOver = true;
  await other;
  assert(looked > 20_000, `${looked}`);
  // Ten at the same time if they begin together, and one by one from then on.
  assertLess(most, 1000);
  await client.ask({ type: "ping" }, "pong");
});
