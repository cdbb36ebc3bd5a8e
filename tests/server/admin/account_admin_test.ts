import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../../protocol/errors.ts";
import { SESSION_IDLE_MS } from "../../../server/account_sessions.ts";
import { Accounts } from "../../../server/accounts.ts";
import { AccountAdmin } from "../../../server/admin/account_admin.ts";
import { openDatabase } from "../../../server/database.ts";
import { passwordLine } from "../../helpers/password_line.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

const PASSWORD = "correct horse";
const DAY_MS = 24 * 3600_000;

/** A server's accounts, and an admin with a connection of their own. */
class Fixture implements Disposable {
  time = Date.UTC(2026, 0, 1);
  #folder = tempFolder();
  #line = passwordLine();
  #served = openDatabase(this.#folder.path);
  #database = openDatabase(this.#folder.path);
  readonly hasher = this.#line.hasher;
  readonly accounts = new Accounts(this.#served, this.hasher, {
    now: () => this.time,
  });
  readonly admin = new AccountAdmin(this.#database, () => this.time);

  /** Makes an account; its session's token. */
  async register(user: string, agent = "test/1"): Promise<string> {
    const options = { invite: null, policy: "open", agent } as const;
    return (await this.accounts.register(user, PASSWORD, options)).token!;
  }

  isLive(token: string): boolean {
    try {
      this.accounts.authenticate(token);
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    this.#served.close();
    this.#database.close();
    this.#line[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

function assertUnknown(work: () => unknown, user: string): void {
  const error = assertThrows(work, NetdiskError);
  assertEquals([error.code, error.message], [
    "not-found",
    `there is no user '${user}'`,
  ]);
}

Deno.test("users() counts sessions that have not ended, by name", async () => {
  using f = new Fixture();
  assertEquals(f.admin.users(), []);
  const created = f.time;
  await f.register("bob");
  await f.register("ann");
  f.time += DAY_MS;
  await f.accounts.login("ann", PASSWORD);
  f.admin.setQuota("bob", 5);
  f.admin.setQuota("ann", "none");
  assertEquals(f.admin.users(), [
    {
      name: "ann",
      created,
      lastUsed: f.time,
      sessions: 2,
      quota: "none",
    },
    { name: "bob", created, lastUsed: created, sessions: 1, quota: 5 },
  ]);
  // The first session of each has ended.
  f.time = created + SESSION_IDLE_MS;
  const [ann, bob] = f.admin.users();
  assertEquals([ann!.sessions, ann!.lastUsed], [1, created + DAY_MS]);
  assertEquals([bob!.sessions, bob!.lastUsed], [0, null]);
});

Deno.test("sessions() lists those of one or all, the last used first", async () => {
  using f = new Fixture();
  await f.register("bob");
  const created = f.time;
  await f.register("ann", "one\x1b[2J/1");
  f.time += DAY_MS;
  await f.accounts.login("ann", PASSWORD, { agent: "two/1" });
  const ann = f.admin.sessions("ann");
  assertEquals(ann, [
    {
      user: "ann",
      agent: "two/1",
      address: "",
      created: f.time,
      lastUsed: f.time,
      expires: f.time + SESSION_IDLE_MS,
    },
    {
      user: "ann",
      agent: "one\x1b[2J/1",
      address: "",
      created,
      lastUsed: created,
      expires: created + SESSION_IDLE_MS,
    },
  ]);
  assertEquals(f.admin.sessions().map(({ user }) => user), [
    "ann",
    "ann",
    "bob",
  ]);
  f.time = created + SESSION_IDLE_MS;
  assertEquals(f.admin.sessions(), ann.slice(0, 1));
  assertUnknown(() => f.admin.sessions("carl"), "carl");
});

Deno.test("setPassword() makes the old password and all sessions void, of that user", async () => {
  using f = new Fixture();
  const ann = await f.register("ann");
  const bob = await f.register("bob");
  const stored = await f.hasher.hash("another horse");
  assertEquals(f.admin.setPassword("ann", stored), 1);
  assertEquals([f.isLive(ann), f.isLive(bob)], [false, true]);
  const error = await assertRejects(
    () => f.accounts.login("ann", PASSWORD),
    NetdiskError,
  );
  assertEquals(error.code, "denied");
  await f.accounts.login("ann", "another horse");
  await f.accounts.login("bob", PASSWORD);
  assertUnknown(() => f.admin.setPassword("carl", stored), "carl");
});

Deno.test("endSessions() ends those of one user and tells how many", async () => {
  using f = new Fixture();
  const ann = await f.register("ann");
  const bob = await f.register("bob");
  await f.accounts.login("ann", PASSWORD);
  assertEquals(f.admin.endSessions("ann"), 2);
  assertEquals(f.admin.endSessions("ann"), 0);
  assertEquals([f.isLive(ann), f.isLive(bob)], [false, true]);
  assertUnknown(() => f.admin.endSessions("carl"), "carl");
});

Deno.test("removeUser() removes the account with its sessions", async () => {
  using f = new Fixture();
  const ann = await f.register("ann");
  const bob = await f.register("bob");
  f.admin.removeUser("ann");
  assertEquals([f.isLive(ann), f.isLive(bob)], [false, true]);
  assertEquals(f.admin.users().map(({ name }) => name), ["bob"]);
  assertEquals([f.admin.hasUser("ann"), f.admin.hasUser("bob")], [false, true]);
  await assertRejects(() => f.accounts.login("ann", PASSWORD), NetdiskError);
  assertUnknown(() => f.admin.removeUser("ann"), "ann");
});

Deno.test("setQuota() keeps bytes, none and the default apart", async () => {
  using f = new Fixture();
  await f.register("ann");
  assertEquals(f.admin.quota("ann"), "default");
  for (const quota of [0, 1, 2 ** 50, "none", "default"] as const) {
    f.admin.setQuota("ann", quota);
    assertEquals(f.admin.quota("ann"), quota);
  }
  assertUnknown(() => f.admin.setQuota("bob", 1), "bob");
  assertUnknown(() => f.admin.quota("bob"), "bob");
});

Deno.test("createInvite() makes one that lets in until it expires", async () => {
  using f = new Fixture();
  const { invite, expires } = f.admin.createInvite(DAY_MS);
  assertEquals(expires, f.time + DAY_MS);
  const policy = "invite";
  f.time = expires - 1;
  await f.accounts.register("ann", PASSWORD, { invite, policy });
  f.time = expires;
  const late = f.accounts.register("bob", PASSWORD, { invite, policy });
  const error = await assertRejects(() => late, NetdiskError);
  assertEquals(error.code, "denied");
});
