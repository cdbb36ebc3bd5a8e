import { assertEquals } from "@std/assert";
import { FreeSpace } from "../../server/free_space.ts";
import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Random } from "../helpers/random.ts";
import { commitOf, putRequest } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { breakOff, nothingLeft, partialName, put } from "./resuming.ts";

const SIZE = 700_000;
const CONTENT = new Random(7).bytes(SIZE);
const HALF = 300_000;

/** Room on the disk, as much as there is or none. */
class Room {
  readonly reserve = { bytes: 0 };
  readonly clock: LeapClock;

  constructor(clock: LeapClock) {
    this.clock = clock;
  }

  set isFull(isFull: boolean) {
    this.reserve.bytes = isFull ? Number.MAX_SAFE_INTEGER : 0;
    // The last measurement is of no use then.
    this.clock.leap(1001);
  }
}

Deno.test("a put is refused before any data, and works again when there is room", async () => {
  using clock = new LeapClock();
  const room = new Room(clock);
  await using server = new Fixture(room.reserve);
  using client = await server.login();
  room.isFull = true;
  for (const size of [SIZE, 1, 0, null]) {
    await client.send(putRequest("file", size, { ask: true }));
    assertEquals(await client.error(), "disk-full");
    await nothingLeft(server);
  }
  // What does not ask is drained.
  await client.sendPut("file", CONTENT);
  assertEquals(await client.error(), "disk-full");
  await nothingLeft(server);
  // Everything else works.
  await client.ask({ type: "list", path: "" }, "entries");
  room.isFull = false;
  assertEquals(await put(client, "file", CONTENT), 0);
  await nothingLeft(server);
});

Deno.test("a file that is larger than the disk is refused, a smaller one is not", async () => {
  await using server = new Fixture({ bytes: 0 });
  using client = await server.login();
  const size = Number.MAX_SAFE_INTEGER;
  await client.send(putRequest("file", size, { ask: true }));
  assertEquals(await client.error(), "disk-full");
  assertEquals(await put(client, "file", CONTENT), 0);
  await nothingLeft(server);
});

for (const size of [null, SIZE]) {
  for (const ask of [false, true]) {
    Deno.test(`a disk that fills up ends a put of size ${size} that ${ask ? "asks" : "does not ask"}`, async () => {
      using clock = new LeapClock();
      const room = new Room(clock);
      await using server = new Fixture(room.reserve);
      using client = await server.login();
      await client.send(putRequest("file", size, { ask }));
      if (ask) await client.answer("continue");
      await client.sendData(CONTENT.subarray(0, HALF));
      await client.send({ type: "waiting" });
      await until("the upload", () => server.uploads().length === 1);
      room.isFull = true;
      await client.sendData(CONTENT.subarray(HALF));
      assertEquals(await client.error(), "disk-full");
      await client.send(commitOf(CONTENT));
      await client.ask({ type: "ping" }, "pong");
      await nothingLeft(server);
      room.isFull = false;
      assertEquals(await put(client, "file", CONTENT), 0);
      await nothingLeft(server);
    });
  }
}

Deno.test("what was left stays when there is no room for the rest", async () => {
  using clock = new LeapClock();
  const room = new Room(clock);
  await using server = new Fixture(room.reserve);
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  room.isFull = true;
  await client.send(putRequest("file", SIZE, { ask: true }));
  assertEquals(await client.error(), "disk-full");
  assertEquals(server.uploads(), [partialName("file")]);
  room.isFull = false;
  assertEquals(await put(client, "file", CONTENT), HALF);
  await nothingLeft(server);
});

Deno.test("a file that is there needs no room", async () => {
  using clock = new LeapClock();
  const room = new Room(clock);
  await using server = new Fixture(room.reserve);
  using client = await server.login();
  await put(client, "file", CONTENT, { mtime: 1000 });
  await breakOff(server, "other", CONTENT, SIZE);
  room.isFull = true;
  assertEquals(await put(client, "file", CONTENT, { mtime: 1000 }), SIZE);
  assertEquals(await put(client, "other", CONTENT), SIZE);
  await nothingLeft(server);
});

Deno.test("room is asked for once, for what is still to come", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  const asked: number[] = [];
  using _ = replace(FreeSpace.prototype, "require", (original) => {
    return function (this: FreeSpace, bytes) {
      asked.push(bytes);
      original.call(this, bytes);
    };
  });
  await put(client, "file", CONTENT);
  assertEquals(asked[0], SIZE - HALF);
  assertEquals(
    asked.slice(1).reduce((sum, bytes) => sum + bytes, 0),
    SIZE - HALF,
  );
});
