import { assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { QuotaAccount, Reservation } from "../../server/quota_account.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

function account(limit: number | null, used?: number): QuotaAccount {
  const account = new QuotaAccount();
  account.limit = limit;
  account.used = used;
  return account;
}

function reserve(
  account: QuotaAccount,
  bytes: number,
  { here = 0, replaced = 0, folders = 0 } = {},
): Reservation {
  return new Reservation(account, {
    bytes,
    isPipe: false,
    here,
    replaced: () => replaced,
    folders: () => folders,
  });
}

function refusal(work: () => unknown): string {
  const error = assertThrows(work, NetdiskError);
  assertEquals(error.code, "quota");
  return error.message;
}

Deno.test("a refusal has the numbers, in the units of the client", () => {
  const message = (limit: number, used: number, bytes: number) =>
    refusal(() => reserve(account(limit, used), bytes));
  assertEquals(
    message(10 * GIB, 8.6 * GIB, 2.1 * GIB),
    "needs 2.1 GiB, 1.4 GiB left of 10 GiB",
  );
  assertEquals(message(0, 5, 1), "needs 1 B, 0 B left of 0 B");
  assertEquals(
    message(1023, 24, 1000),
    "needs 1000 B, 999 B left of 1023 B",
  );
  assertEquals(
    message(1500 * GIB, 0, 1023.7 * MIB * KIB * 2),
    "needs 2 TiB, 1.46 TiB left of 1.46 TiB",
  );
  // Equal texts would explain nothing.
  assertEquals(
    message(2 * GIB, GIB, GIB + 1),
    `needs ${GIB + 1} B, ${GIB} B left of 2 GiB`,
  );
});

Deno.test("what is reserved is nobody else's until it is given back", () => {
  const all = account(100, 10);
  const first = reserve(all, 60);
  assertEquals(
    refusal(() => reserve(all, 31)),
    "needs 31 B, 30 B left of 100 B",
  );
  const second = reserve(all, 30);
  assertEquals(all.left, 0);
  first.release();
  first.release();
  assertEquals(all.left, 60);
  second.release();
  assertEquals([all.left, all.reserved], [90, 0]);
});

Deno.test("a pipe takes room as it comes, and only what it needs", () => {
  const all = account(100, 10);
  const pipe = reserve(all, 0);
  assertEquals(all.left, 90);
  pipe.require(50);
  pipe.require(20);
  pipe.require(90);
  assertEquals(all.left, 0);
  assertEquals(
    refusal(() => pipe.require(91)),
    "needs 91 B, 90 B left of 100 B",
  );
  pipe.release();
  assertEquals(all.left, 90);
});

Deno.test("folders need room besides, however much comes", () => {
  const all = account(100, 10);
  assertEquals(
    refusal(() => reserve(all, 50, { folders: 41 })),
    "needs 91 B, 90 B left of 100 B",
  );
  const pipe = reserve(all, 10, { folders: 40 });
  assertEquals(all.left, 40);
  pipe.require(50);
  assertEquals(all.left, 0);
  assertEquals(
    refusal(() => pipe.require(51)),
    "needs 91 B, 90 B left of 100 B",
  );
  pipe.release();
  assertEquals(all.left, 90);
});

Deno.test("who replaces a file needs room for the difference", () => {
  const all = account(100, 100);
  assertEquals(
    refusal(() => reserve(all, 51, { replaced: 50 })),
    "needs 1 B, 0 B left of 100 B",
  );
  const upload = reserve(all, 50, { replaced: 50 });
  assertEquals([all.reserved, all.credited], [0, 50]);
  upload.check(0);
  assertEquals(refusal(() => upload.check(1)), "needs 1 B, 0 B left of 100 B");
  // It was removed meanwhile, and its room given to another one.
  all.add(-50);
  const other = reserve(all, 50);
  assertEquals(
    refusal(() => upload.check(50)),
    "needs 50 B, 0 B left of 100 B",
  );
  other.release();
  upload.check(50);
  upload.release();
  assertEquals(all.credited, 0);
});

Deno.test("no credit is taken where there is room", () => {
  const all = account(100, 40);
  const upload = reserve(all, 60, { replaced: 40 });
  assertEquals([all.reserved, all.credited], [60, 0]);
  upload.release();
});

Deno.test("the credits of all uploads are never more than what is used", () => {
  const all = account(100, 100);
  const live = [reserve(all, 60, { replaced: 60 })];
  assertEquals(
    refusal(() => reserve(all, 60, { replaced: 60 })),
    "needs 20 B, 0 B left of 100 B",
  );
  live.push(reserve(all, 40, { replaced: 60 }));
  assertEquals(all.credited, 100);
  assertEquals(
    refusal(() => reserve(all, 1, { replaced: 60 })),
    "needs 1 B, 0 B left of 100 B",
  );
  for (const upload of live) upload.release();
  assertEquals(all.credited, 0);
});

Deno.test("over a limit that was lowered, files may become smaller, not larger", () => {
  const all = account(10, 100);
  assertEquals(refusal(() => reserve(all, 1)), "needs 1 B, 0 B left of 10 B");
  assertEquals(
    refusal(() => reserve(all, 51, { replaced: 50 })),
    "needs 1 B, 0 B left of 10 B",
  );
  const upload = reserve(all, 50, { replaced: 50 });
  upload.check(0);
  assertEquals(upload.mayStay, 0);
  // Nothing needs no room.
  reserve(all, 0).check(0);
});

Deno.test("what an earlier upload left is not needed again", () => {
  // 30 of the 80 bytes are its own, and were counted before.
  const all = account(100, 90 - 30);
  assertEquals(
    refusal(() => reserve(all, 80, { here: 30 })),
    "needs 50 B, 10 B left of 100 B",
  );
  const upload = reserve(all, 40, { here: 30 });
  assertEquals([all.left, upload.mayStay], [0, 40]);
});

Deno.test("without a limit, or as long as nothing is known, there is room", () => {
  for (const all of [account(null, 5), account(10), account(null)]) {
    const upload = reserve(all, Number.MAX_SAFE_INTEGER);
    upload.check(Number.MAX_SAFE_INTEGER);
    assertEquals(upload.mayStay, Infinity);
    upload.release();
    assertEquals(all.reserved, 0);
  }
});

Deno.test("who gives back more than there was is counted anew", () => {
  const all = account(10, 3);
  all.add(-3);
  assertEquals(all.used, 0);
  all.add(-1);
  assertEquals(all.used, undefined);
  all.add(5);
  assertEquals(all.used, undefined);
});
