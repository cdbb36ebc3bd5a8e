import { assertEquals, assertThrows } from "@std/assert";
import { Quotas, type UserQuota } from "../../server/quota.ts";
import type { Wish } from "../../server/quota_account.ts";
import { costOfAtLeast } from "../../server/quota_cost.ts";
import { until } from "../helpers/deadline.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { putRequest } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { begin, breakOff, put } from "./resuming.ts";

const HOUR_MS = 3600 * 1000;

/** A user with 100 bytes, and what is found on the disk. */
class Found {
  used = 50;
  walks = 0;
  /** Happens during each walk. */
  meanwhile = () => {};
  readonly quota: UserQuota = new Quotas({
    limitOf: () => 100,
    cost: costOfAtLeast(0),
    measure: () => {
      this.walks++;
      this.meanwhile();
      return Promise.resolve(this.used);
    },
  }).of("ann");

  constructor() {
    // As whoever begins a put does.
    assertEquals(this.quota.isLimited, true);
  }

  reserve(bytes: number | null) {
    return this.quota.reserve(wish(bytes), () => Promise.resolve());
  }
}

function wish(bytes: number | null): Wish {
  return {
    bytes: bytes ?? 0,
    isPipe: bytes === null,
    here: 0,
    replaced: () => 0,
    folders: () => 0,
  };
}

Deno.test("removing goes on where the limit cannot be read", () => {
  const quota = new Quotas({
    limitOf: () => {
      throw new Error("locked");
    },
    cost: costOfAtLeast(0),
    measure: () => Promise.resolve(0),
  }).of("ann");
  assertThrows(() => quota.isLimited);
  assertEquals(quota.mayCount, true);
});

Deno.test("a walk begins when what is being removed is gone", async () => {
  const found = new Found();
  const { promise, resolve: end } = Promise.withResolvers<void>();
  found.quota.removing(promise);
  const usage = found.quota.usage();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(found.walks, 0);
  found.used = 10;
  end();
  assertEquals(await usage, { used: 10, limit: 100 });
});

Deno.test("a pipe waits for what is being removed, as nobody knows what it needs", async () => {
  const found = new Found();
  await found.quota.usage();
  const { promise, resolve: end } = Promise.withResolvers<void>();
  found.quota.removing(promise);
  assertEquals(found.quota.tryReserve(wish(null)), undefined);
  let isThere = false;
  const reserving = found.reserve(null).then(() => isThere = true);
  // What fits need not wait.
  (await found.reserve(50)).release();
  assertEquals(isThere, false);
  end();
  await reserving;
});

Deno.test("an active user is walked through each hour, and nobody waits for it", async () => {
  using clock = new LeapClock();
  const found = new Found();
  (await found.reserve(1)).release();
  found.used = 90;
  found.quota.tryReserve(wish(1))!.release();
  assertEquals(found.walks, 1);
  clock.leap(HOUR_MS + 1);
  found.quota.tryReserve(wish(50))!.release();
  await until("the walk", () => found.quota.tryReserve(wish(50)) === undefined);
  assertEquals(found.walks, 2);
});

Deno.test("what changes during a walk makes it void", async () => {
  using clock = new LeapClock();
  const found = new Found();
  (await found.reserve(1)).release();
  clock.leap(HOUR_MS + 1);
  found.used = 90;
  found.meanwhile = () => found.quota.add(-20);
  found.quota.tryReserve(wish(50))!.release();
  await until("the walk", () => found.walks === 2);
  assertEquals(await found.quota.usage(), { used: 30, limit: 100 });
});

Deno.test("what an upload found counts until it is cut off", async () => {
  await using server = new Fixture(null, false, 1000);
  await breakOff(server, "file", new Uint8Array(900), 800);
  using client = await server.login();
  assertEquals(await begin(client, "file", new Uint8Array(100)), 100);
  using other = await server.login();
  await other.send(putRequest("other", 201, { ask: true }));
  assertEquals(await other.error(), "quota");
});

Deno.test("nobody waits for a removal that failed", async () => {
  await using server = new Fixture(null, false, 1000);
  using client = await server.login();
  await put(client, "folder/file", new Uint8Array(1000));
  using disk = new DiskRecorder(server.root);
  disk.fail(/^sync \.netdisk\/removed/, "EIO");
  await client.send({ type: "remove", path: "folder", recursive: true });
  assertEquals(await client.error(), "io");
  // It is on the disk until the next start.
  await client.send(putRequest("other", 1, { ask: true }));
  assertEquals(await client.error(), "quota");
});
