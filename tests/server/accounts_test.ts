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

Deno.test("wrong passwords are throttled before they are hashed, of users and of nobody alike", async () => {
  using f = new Fixture();
  await f.accounts.register("ann", PASSWORD, OPEN);
  const answers: string[][] = [];
  for (const user of ["ann", "nobody"]) {
    const asker = { address: "192.0.2.1" };
    const seen: string[] = [];
    for (let n = 0; n < 6; n++) {
      const work = f.accounts.login(user, "wrong password", asker);
      const { code, message } = await assertRejects(() => work, NetdiskError);
      seen.push(`${code}: ${message}`);
    }
    answers.push(seen);
  }
  assertEquals(answers[1], answers[0]);
  assertEquals(answers[0], [
    ...new Array(4).fill("denied: wrong user name or password"),
    ...new Array(2).fill(
      "throttled: too many failed attempts, try again in 1 s",
    ),
  ]);
  f.line.hasher.close();
  await assertFails(
    f.accounts.login("ann", PASSWORD, { address: "192.0.2.1" }),
    "throttled",
    "too many failed attempts, try again in 1 s",
  );
});

Deno.test("nobody is locked out by others: a token, and an address with a session, come in", async () => {
  using f = new Fixture();
  const home = { address: "2001:db8::1" };
  const { token } = await f.accounts.register("ann", PASSWORD, {
    ...OPEN,
    ...home,
  });
  for (let n = 0; n < 100; n++) {
    const asker = { address: `198.51.100.${n}` };
    await assertRejects(() => f.accounts.login("ann", "not hers", asker));
  }
  const elsewhere = f.accounts.login("ann", PASSWORD, { address: "192.0.2.1" });
  await assertFails(
    elsewhere,
    "throttled",
    "too many failed attempts, try again in 60 min",
  );
  assertEquals(f.accounts.authenticate(token!, "192.0.2.99").user, "ann");
  await f.accounts.login("ann", PASSWORD, { address: "2001:db8::2" });
  const session = f.accounts.authenticate(token!);
  const passwords = { old: PASSWORD, next: "battery staple" };
  await f.accounts.changePassword(session, passwords, {
    address: "203.0.113.1",
  });
});

Deno.test("a session remembers where it was used last", async () => {
  using f = new Fixture();
  const session = await f.accounts.register("ann", PASSWORD, {
    ...OPEN,
    agent: "netdisk/1",
    address: "192.0.2.1",
  });
  const seen = () => f.accounts.sessions(session);
  const created = f.time;
  assertEquals(seen(), [{
    created,
    used: created,
    expires: created + SESSION_IDLE_MS,
    agent: "netdisk/1",
    address: "192.0.2.1",
    current: true,
  }]);
  f.time += 60_000;
  f.accounts.authenticate(session.token!, "192.0.2.2");
  assertEquals([seen()[0]!.address, seen()[0]!.used], ["192.0.2.2", f.time]);
  f.time += 60_000;
  f.accounts.authenticate(session.token!);
  assertEquals(seen()[0]!.address, "192.0.2.2");
  await f.accounts.login("ann", PASSWORD);
  assertEquals(seen().map(({ current }) => current), [false, true]);
  f.time += SESSION_MAX_MS;
  assertEquals(seen(), []);
});

Deno.test("a login with the old password does not survive its change", async () => {
  using f = new Fixture();
  const session = await f.accounts.register("ann", PASSWORD, OPEN);
  const passwords = { old: PASSWORD, next: "battery staple" };
  const early = f.accounts.login("ann", PASSWORD);
  const change = f.accounts.changePassword(session, passwords);
  const late = f.accounts.login("ann", PASSWORD);
  const logins = await Promise.allSettled([early, late]);
  await change;
  for (const login of logins) {
    if (login.status === "fulfilled") {
      assertEnded(f.accounts, login.value.token);
    }
  }
  assertEquals(f.count("sessions"), 1);
  f.accounts.authenticate(session.token!);
  await assertRejects(() => f.accounts.login("ann", PASSWORD));
  await f.accounts.login("ann", "battery staple");
});

Deno.test("a password is not changed by a session that ends meanwhile, nor twice from one", async () => {
  using f = new Fixture();
  const one = await f.accounts.register("ann", PASSWORD, OPEN);
  const two = await f.accounts.login("ann", PASSWORD);
  const ended = f.accounts.changePassword(one, {
    old: PASSWORD,
    next: "battery staple",
  });
  f.accounts.logout(one);
  await assertFails(
    ended,
    "unauthenticated",
    "the session has ended, log in again",
  );
  const three = await f.accounts.login("ann", PASSWORD);
  const changes = await Promise.allSettled(
    [two, three].map((session, n) =>
      f.accounts.changePassword(session, {
        old: PASSWORD,
        next: `battery staple ${n}`,
      })
    ),
  );
  assertEquals(changes.map(({ status }) => status), ["fulfilled", "rejected"]);
  await f.accounts.login("ann", "battery staple 0");
});

Deno.test("guesses of the old password count, with those of the session elsewhere", async () => {
  using f = new Fixture();
  const session = await f.accounts.register("ann", PASSWORD, OPEN);
  const passwords = { old: "not hers", next: "battery staple" };
  for (let n = 0; n < 4; n++) {
    const asker = { address: `198.51.100.${n}` };
    await assertFails(
      f.accounts.changePassword(session, passwords, asker),
      "denied",
      "wrong password",
    );
  }
  f.line.hasher.close();
  await assertFails(
    f.accounts.changePassword(session, passwords, { address: "192.0.2.1" }),
    "throttled",
    "too many failed attempts, try again in 1 s",
  );
});

Deno.test("a busy server is nobody's failure", async () => {
  using f = new Fixture();
  const { hasher } = f.line;
  const verify = hasher.verify.bind(hasher);
  hasher.verify = () => Promise.reject(new NetdiskError("busy", "busy"));
  const asker = { address: "192.0.2.1" };
  await f.accounts.register("ann", PASSWORD, OPEN);
  for (let n = 0; n < 30; n++) {
    await assertFails(f.accounts.login("ann", PASSWORD, asker), "busy", "busy");
  }
  hasher.verify = verify;
  await f.accounts.login("ann", PASSWORD, asker);
});

Deno.test("a database that cannot be read is nobody's failure", async () => {
  using f = new Fixture();
  const asker = { address: "192.0.2.1" };
  await f.accounts.register("ann", PASSWORD, OPEN);
  const get = f.database.get;
  f.database.get = () => {
    throw new NetdiskError("busy", "busy");
  };
  for (let n = 0; n < 30; n++) {
    await assertFails(f.accounts.login("ann", PASSWORD, asker), "busy", "busy");
  }
  f.database.get = get;
  await f.accounts.login("ann", PASSWORD, asker);
});

Deno.test("one address makes 20 accounts an hour; wrong invites and taken names count", async () => {
  using f = new Fixture();
  const invite = f.accounts.createInvite();
  const register = (user: string, given: string) =>
    f.accounts.register(user, PASSWORD, {
      invite: given,
      policy: "invite",
      address: "192.0.2.1",
    });
  for (let n = 0; n < 8; n++) await register(`user${n}`, invite);
  for (let n = 0; n < 6; n++) {
    await assertRejects(() => register("user9", "A".repeat(22)));
    await assertRejects(() => register("user0", invite));
    await assertRejects(() => register("NO NAME", invite));
  }
  await assertFails(
    register("user9", invite),
    "throttled",
    "too many registrations from there, try again in 60 min",
  );
});
