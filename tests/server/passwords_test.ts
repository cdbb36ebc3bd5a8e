import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { SCRYPT_PARAMETERS } from "../../server/passwords.ts";
import { CHEAP, passwordLine } from "../helpers/password_line.ts";

async function assertFails(
  work: Promise<unknown>,
  code: string,
  message: string,
): Promise<void> {
  const error = await assertRejects(() => work, NetdiskError);
  assertEquals([error.code, error.message], [code, message]);
}

Deno.test("a password is verified by its hash, another one is not", {
  sanitizeOps: true,
}, async () => {
  using line = passwordLine();
  const stored = await line.hasher.hash("correct horse");
  assertEquals([stored.n, stored.r, stored.p], [CHEAP.n, CHEAP.r, CHEAP.p]);
  assertEquals([stored.salt.length, stored.hash.length], [16, 32]);
  assert(await line.hasher.verify("correct horse", stored));
  assert(!await line.hasher.verify("correct horsf", stored));
  assert(!await line.hasher.verify("", stored));
});

Deno.test("the same password has another salt and hash each time", async () => {
  using line = passwordLine();
  const one = await line.hasher.hash("correct horse");
  const two = await line.hasher.hash("correct horse");
  assertNotEquals(one.salt, two.salt);
  assertNotEquals(one.hash, two.hash);
});

Deno.test("hashes are scrypt's: the vector of RFC 7914, section 12", async () => {
  using line = passwordLine();
  const hash =
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162";
  const stored = {
    n: 1024,
    r: 8,
    p: 16,
    salt: new TextEncoder().encode("NaCl"),
    hash: new Uint8Array(hash.match(/../g)!.map((byte) => parseInt(byte, 16))),
  };
  assert(await line.hasher.verify("password", stored));
});

Deno.test("the cost is the stored one, so that it can be raised", async () => {
  using line = passwordLine();
  const stored = await line.hasher.hash("correct horse");
  using dearer = passwordLine({ parameters: { ...CHEAP, n: 2 * CHEAP.n } });
  assert(await dearer.hasher.verify("correct horse", stored));
  assert(
    !await dearer.hasher.verify("correct horse", { ...stored, n: 2 * CHEAP.n }),
  );
});

Deno.test("hashing at full cost works and does not hold up this thread", async () => {
  using line = passwordLine({ parameters: SCRYPT_PARAMETERS });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const stored = await line.hasher.hash("correct horse");
  clearInterval(timer);
  assertEquals([stored.n, stored.r, stored.p], [2 ** 15, 8, 3]);
  // None, if it had; how many there are is the scheduler's business.
  assertGreater(ticks, 1);
});

Deno.test("a letter with an accent may be typed in both ways", async () => {
  using line = passwordLine();
  const stored = await line.hasher.hash("cafe\u0301 au lait");
  assert(await line.hasher.verify("caf\u00e9 au lait", stored));
  assert(!await line.hasher.verify("cafe au lait", stored));
});

Deno.test("more than may wait are told so, and later ones are served", async () => {
  using line = passwordLine({ maxWaiting: 3 });
  const three = [1, 2, 3].map(() => line.hasher.hash("correct horse"));
  await assertFails(
    line.hasher.hash("correct horse"),
    "busy",
    "too many logins at once, try again in a moment",
  );
  await Promise.all(three);
  await line.hasher.hash("correct horse");
});

Deno.test("16 may wait unless something else is said", async () => {
  using line = passwordLine();
  const asked = Array.from(
    { length: 17 },
    () => line.hasher.hash("correct horse"),
  );
  const results = await Promise.allSettled(asked);
  assertEquals(
    results.map(({ status }) => status),
    [...Array(16).fill("fulfilled"), "rejected"],
  );
});

Deno.test("what the worker cannot compute fails, and the worker lives on", async () => {
  using line = passwordLine();
  const stored = await line.hasher.hash("correct horse");
  await assertFails(
    line.hasher.verify("correct horse", { ...stored, n: 1000 }),
    "internal",
    "the password could not be checked",
  );
  await assertFails(
    line.hasher.verify("correct horse", { ...stored, hash: new Uint8Array(5) }),
    "internal",
    "the password could not be checked",
  );
  assert(await line.hasher.verify("correct horse", stored));
});

Deno.test("closing fails what waits, and what is asked afterwards", async () => {
  using line = passwordLine();
  const waiting = line.hasher.hash("correct horse");
  const failure = assertFails(
    waiting,
    "stopping",
    "the server is about to stop",
  );
  line.hasher.close();
  await failure;
  await assertFails(
    line.hasher.hash("correct horse"),
    "stopping",
    "the server is about to stop",
  );
});

Deno.test("a dead worker does not keep anybody waiting for ever", async () => {
  using line = passwordLine({ timeoutMs: 50, maxWaiting: 1 });
  line.worker.terminate();
  // Nobody knows that it will not answer any more: the place stays taken.
  for (
    const message of [
      "checking the password took too long",
      "too many logins at once, try again in a moment",
    ]
  ) {
    await assertFails(line.hasher.hash("correct horse"), "busy", message);
  }
});

Deno.test("one asker has a part of the queue, and the others the rest", async () => {
  using line = passwordLine();
  const { hasher } = line;
  const first = [1, 2, 3, 4].map(() => hasher.hash("correct horse", "flood"));
  const busy = "too many logins at once, try again in a moment";
  await assertFails(hasher.hash("correct horse", "flood"), "busy", busy);
  const other = hasher.hash("correct horse", "other");
  const nobody = hasher.hash("correct horse");
  await Promise.all([...first, other, nobody]);
  await hasher.hash("correct horse", "flood");
});
