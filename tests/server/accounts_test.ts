import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { INVITE, TOKEN } from "../../protocol/credentials.ts";
import { MAX_SESSIONS_PER_USER } from "../../protocol/messages.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
} from "../../server/account_sessions.ts";
import { Accounts, type RegisterOptions } from "../../server/accounts.ts";
import { type Database, openDatabase } from "../../server/database.ts";
import { INVITE_MS, MAX_INVITES } from "../../server/invites.ts";
import { type PasswordLine, passwordLine } from "../helpers/password_line.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";

const PASSWORD = "correct horse";
const OPEN: RegisterOptions = { invite: null, policy: "open" };
const DAY_MS = 24 * 3600_000;

/** Accounts in a new database, at a time that a test can move. */
class Fixture implements Disposable {
  time = Date.UTC(2026, 0, 1);
  readonly folder: TempFolder = tempFolder();
  readonly line: PasswordLine = passwordLine();
  readonly database: Database = openDatabase(this.folder.path);
  readonly accounts: Accounts = this.open();

  /** Accounts over the same database, as after a start of the server. */
  open(): Accounts {
    return new Accounts(this.database, this.line.hasher, {
      now: () => this.time,
    });
  }

  count(table: "users" | "sessions" | "invites"): number {
    const sql = `SELECT count(*) AS count FROM ${table}`;
    return this.database.get<{ count: number }>(sql)!.count;
  }

  [Symbol.dispose](): void {
    this.database.close();
    this.line[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

async function assertFails(
  work: Promise<unknown>,
  code: string,
  message: string,
): Promise<void> {
  const error = await assertRejects(() => work, NetdiskError);
  assertEquals([error.code, error.message], [code, message]);
}

function assertEnded(accounts: Accounts, token: string | null): void {
  const error = assertThrows(
    () => accounts.authenticate(token!),
    NetdiskError,
  );
  assertEquals(error.code, "unauthenticated");
  assertEquals(error.message, "the session has ended, log in again");
}

Deno.test("register() makes an account and a session, and login() another session", async () => {
  using f = new Fixture();
  const first = await f.accounts.register("ann", PASSWORD, {
    ...OPEN,
    agent: "netdisk/1",
  });
  assertEquals(first.user, "ann");
  assertMatch(first.token!, TOKEN);
  assertEquals(first.expires, f.time + SESSION_IDLE_MS);
  const second = await f.accounts.login("ann", PASSWORD);
  assertEquals(second.userId, first.userId);
  assertNotEquals(second.token, first.token);
  for (const { token, tokenHash } of [first, second]) {
    assertEquals(f.accounts.authenticate(token!), {
      user: "ann",
      userId: first.userId,
      tokenHash,
      token: null,
      expires: first.expires,
    });
  }
  const agents = f.database.all<{ agent: string }>(
    "SELECT agent FROM sessions ORDER BY agent",
  );
  assertEquals(agents.map(({ agent }) => agent), ["", "netdisk/1"]);
});

Deno.test("accounts and sessions outlive the server", async () => {
  using f = new Fixture();
  const { token } = await f.accounts.register("ann", PASSWORD, OPEN);
  f.database.close();
  using database = openDatabase(f.folder.path);
  const accounts = new Accounts(database, f.line.hasher, {
    now: () => f.time,
  });
  assertEquals(accounts.authenticate(token!).user, "ann");
  await accounts.login("ann", PASSWORD);
});

Deno.test("no password, token or invite is in the database's file", async () => {
  using f = new Fixture();
  const invite = f.accounts.createInvite();
  const { token } = await f.accounts.register("ann", PASSWORD, OPEN);
  f.database.close();
  const kept = Buffer.from(Deno.readFileSync(`${f.folder.path}/netdisk.db`));
  assert(kept.includes("ann"));
  for (const secret of [PASSWORD, token!, invite]) {
    assert(!kept.includes(secret));
    assert(!kept.includes(Buffer.from(secret, "base64url")));
  }
});

Deno.test("register() refuses bad names and passwords before it hashes", async () => {
  using f = new Fixture();
  f.line.hasher.close();
  const name = "a user name is 1 to 32 of a-z 0-9 . _ - " +
    "and starts with a letter or a digit";
  for (const user of ["", "Ann", ".ann", "a/b", "a".repeat(33), "ann\0x"]) {
    await assertFails(
      f.accounts.register(user, PASSWORD, OPEN),
      "bad-name",
      name,
    );
  }
  await assertFails(
    f.accounts.register("ann", "1234567", OPEN),
    "denied",
    "a password has at least 8 bytes",
  );
  await assertFails(
    f.accounts.register("ann", "é".repeat(513), OPEN),
    "denied",
    "a password has at most 1024 bytes",
  );
});

Deno.test("register() refuses a name that is taken, also one taken meanwhile", async () => {
  using f = new Fixture();
  const attempts = await Promise.allSettled([
    f.accounts.register("ann", PASSWORD, OPEN),
    f.accounts.register("ann", "another password", OPEN),
  ]);
  const [won, lost] = attempts;
  assertEquals(won!.status, "fulfilled");
  assert(lost!.status === "rejected" && lost!.reason instanceof NetdiskError);
  assertEquals(lost!.reason.code, "exists");
  assertEquals([f.count("users"), f.count("sessions")], [1, 1]);
  f.line.hasher.close();
  await assertFails(
    f.accounts.register("ann", PASSWORD, OPEN),
    "exists",
    "the user name 'ann' is taken",
  );
});

Deno.test("register() follows the policy, and says nothing of names or old invites", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  const invite = f.accounts.createInvite();
  assertMatch(invite, INVITE);
  await assertFails(
    f.accounts.register("bob", PASSWORD, { invite, policy: "closed" }),
    "denied",
    "this server does not take registrations",
  );
  const expired = f.accounts.createInvite(1000);
  f.time += 1000;
  const wrong = [null, "", "x", "A".repeat(22), expired, invite + "A"];
  for (const user of ["ann", "bob", "NOT A NAME"]) {
    for (const invite of wrong) {
      await assertFails(
        f.accounts.register(user, PASSWORD, { invite, policy: "invite" }),
        "denied",
        invite === null
          ? "this server registers by invite only"
          : "the invite is not valid or has expired, ask for a new link",
      );
    }
  }
  for (const user of ["bob", "carol"]) {
    await f.accounts.register(user, PASSWORD, { invite, policy: "invite" });
  }
  f.time += INVITE_MS;
  await assertRejects(() =>
    f.accounts.register("dave", PASSWORD, { invite, policy: "invite" })
  );
});

Deno.test("login() answers every failure alike", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  const wrong: [string, string][] = [
    ["ann", "correct horsf"],
    ["bob", PASSWORD],
    ["Ann", PASSWORD],
    ["ann", ""],
    ["ann", "x".repeat(1025)],
  ];
  for (const [user, password] of wrong) {
    await assertFails(
      f.accounts.login(user, password),
      "denied",
      "wrong user name or password",
    );
  }
  assertEquals(f.count("sessions"), 1);

  f.line.hasher.close();
  for (const [user, password] of wrong.slice(2)) {
    const refused = f.accounts.login(user, password);
    await assertFails(refused, "denied", "wrong user name or password");
  }
});

Deno.test("login() computes as much for an unknown user", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  const { hasher } = f.line;
  const verify = hasher.verify.bind(hasher);
  const work: unknown[] = [];
  hasher.verify = (password, stored) => {
    const { n, r, p, salt, hash } = stored;
    work.push([password, n, r, p, salt.length, hash.length]);
    return verify(password, stored);
  };
  for (const user of ["ann", "bob"]) {
    await assertRejects(() => f.accounts.login(user, "wrong password"));
  }
  assertEquals(work.length, 2);
  assertEquals(work[1], work[0]);
});

Deno.test("login() fails when the password was changed or the user removed meanwhile", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  await f.accounts.register("bob", PASSWORD, OPEN);
  const logins = [
    f.accounts.login("ann", PASSWORD),
    f.accounts.login("bob", PASSWORD),
  ];
  f.database.run(
    "UPDATE users SET hash = ? WHERE name = 'ann'",
    new Uint8Array(32),
  );
  f.database.run("DELETE FROM users WHERE name = 'bob'");
  for (const login of logins) {
    await assertFails(login, "denied", "wrong user name or password");
  }
});

Deno.test("authenticate() refuses every token but the right one", async () => {
  using f = new Fixture();
  const { token } = await f.accounts.register("ann", PASSWORD, OPEN);
  const last = token!.at(-1) === "A" ? "B" : "A";
  const wrong = ["", "x", "A".repeat(43), token + "A", token!.slice(0, -1)];
  // 43 digits hold 258 bits, so that one more digit decodes to the same bytes.
  for (const bad of [...wrong, token!.slice(0, -1) + last]) {
    assertEnded(f.accounts, bad);
  }
});

Deno.test("a session ends after 30 days without use", async () => {
  using f = new Fixture();
  const unused = await f.accounts.register("ann", PASSWORD, OPEN);
  const used = await f.accounts.login("ann", PASSWORD);
  f.time += SESSION_IDLE_MS - 1;
  const { expires } = f.accounts.authenticate(used.token!);
  assertEquals(expires, f.time + SESSION_IDLE_MS);
  f.time += 1;
  assertEquals(f.count("sessions"), 2, "not removed yet");
  assertEnded(f.accounts, unused.token);
  f.accounts.authenticate(used.token!);
});

Deno.test("a session ends after 90 days however much it is used", async () => {
  using f = new Fixture();
  const { token } = await f.accounts.register("ann", PASSWORD, OPEN);
  const end = f.time + SESSION_MAX_MS;
  while (f.time + DAY_MS < end) {
    f.time += DAY_MS;
    f.accounts.authenticate(token!);
  }
  assertEquals(f.accounts.authenticate(token!).expires, end);
  f.time = end;
  assertEnded(f.accounts, token);
});

Deno.test("authenticate() writes at most once a minute, and does without on a full disk", async () => {
  using f = new Fixture();
  const { token, expires } = await f.accounts.register("ann", PASSWORD, OPEN);
  const lastUsed = () =>
    f.database.get<{ last_used: number }>("SELECT last_used FROM sessions")!
      .last_used;
  const started = f.time;
  f.time += 59_999;
  assertEquals(f.accounts.authenticate(token!).expires, expires);
  assertEquals(lastUsed(), started);
  f.time += 1;
  assertEquals(f.accounts.authenticate(token!).expires, expires + 60_000);
  assertEquals(lastUsed(), f.time);

  f.database.get("PRAGMA query_only = 1");
  f.time += DAY_MS;
  assertEquals(f.accounts.authenticate(token!).expires, expires + 60_000);
});

Deno.test("logout() ends that session and no other", async () => {
  using f = new Fixture();
  const one = await f.accounts.register("ann", PASSWORD, OPEN);
  const two = await f.accounts.login("ann", PASSWORD);
  f.accounts.logout(f.accounts.authenticate(one.token!));
  assertEnded(f.accounts, one.token);
  f.accounts.authenticate(two.token!);
  f.accounts.logout(one);
});

Deno.test("a user has 100 sessions, and the one not used the longest goes", async () => {
  using f = new Fixture();
  const others = await f.accounts.register("bob", PASSWORD, OPEN);
  const first = await f.accounts.register("ann", PASSWORD, OPEN);
  f.time += 60_000;
  const second = await f.accounts.login("ann", PASSWORD);
  f.time += 60_000;
  f.accounts.authenticate(first.token!);
  for (let i = 2; i <= MAX_SESSIONS_PER_USER; i++) {
    await f.accounts.login("ann", PASSWORD);
  }
  assertEquals(f.count("sessions"), MAX_SESSIONS_PER_USER + 1);
  assertEnded(f.accounts, second.token);
  f.accounts.authenticate(first.token!);
  f.accounts.authenticate(others.token!);
});

Deno.test("what has expired is removed at the start and later on", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  f.accounts.createInvite();
  f.time += SESSION_IDLE_MS;
  const accounts = f.open();
  assertEquals([f.count("sessions"), f.count("invites")], [0, 0]);

  const { token } = await accounts.login("ann", PASSWORD);
  accounts.createInvite(DAY_MS);
  await accounts.login("ann", PASSWORD);
  f.time += SESSION_IDLE_MS - 1;
  accounts.authenticate(token!);
  assertEquals([f.count("sessions"), f.count("invites")], [2, 0]);
  f.time += 1;
  accounts.authenticate(token!);
  assertEquals(f.count("sessions"), 2, "not more than once an hour");
  f.time += 3600_000;
  accounts.authenticate(token!);
  assertEquals(f.count("sessions"), 1);
  assertEquals(f.count("users"), 1);
});

Deno.test("the number of invites is bounded, and the newest work", async () => {
  using f = new Fixture();
  f.database.run(
    `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ?)
     INSERT INTO invites SELECT CAST(i AS BLOB), i, ? FROM n`,
    ...[MAX_INVITES, f.time + DAY_MS],
  );
  const invite = f.accounts.createInvite();
  assertEquals(f.count("invites"), MAX_INVITES);
  const oldest = f.database.get<{ created: number }>(
    "SELECT min(created) AS created FROM invites",
  );
  assertEquals(oldest!.created, 2);
  await f.accounts.register("ann", PASSWORD, { invite, policy: "invite" });
});
