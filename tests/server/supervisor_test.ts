import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Request, ResponseOf } from "../../protocol/messages.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { lockRoot } from "../../server/root_lock.ts";
import { startServer } from "../../server/supervisor.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, replace } from "../helpers/faults.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { HELLO, TestClient } from "../helpers/test_client.ts";
import { LogRecorder } from "./fixture.ts";

const LOCAL = {
  hostname: "127.0.0.1",
  port: 0,
  tls: null,
  registration: "invite",
  minFree: null,
  quota: null,
  keepMs: 0,
  maxConnections: null,
  minRate: 0,
  metrics: null,
  logFormat: "text",
} as const;

Deno.test("lockRoot() makes a root, for its owner alone, and syncs all that is new", async () => {
  using folder = tempFolder();
  const synced: string[] = [];
  const paths = new WeakMap<Deno.FsFile, string>();
  using _open = replace(Deno, "openSync", (original) => (path, options) => {
    const file = original(path, options);
    paths.set(file, `${path}`);
    return file;
  });
  using _sync = replace(Deno.FsFile.prototype, "syncSync", (original) => {
    return function (this: Deno.FsFile) {
      synced.push(paths.get(this)!);
      original.call(this);
    };
  });
  const wanted = `${folder.path}/new/deep/disk`;
  const { root, lock } = await lockRoot(wanted);
  lock.close();
  assertEquals(root, Deno.realPathSync(wanted));
  for (const path of [root, dataFolder(root)]) {
    assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o700, path);
  }
  for (const path of ["", "/new", "/new/deep", "/new/deep/disk"]) {
    assert(synced.includes(Deno.realPathSync(folder.path + path)), path);
  }
});

Deno.test("lockRoot() gives the real path, and takes the root of a server that has ended", async () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/disks/disk`, { recursive: true });
  Deno.symlinkSync("disks", `${folder.path}/link`);
  const first = await lockRoot(`${folder.path}/link/disk`);
  assertEquals(first.root, Deno.realPathSync(`${folder.path}/disks/disk`));
  first.lock.close();
  const second = await lockRoot(`${folder.path}/disks/disk`);
  second.lock.close();
});

Deno.test("lockRoot() names the folder that it cannot use", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/file`;
  Deno.writeTextFileSync(file, "");
  for (
    const root of [file, `${file}/below`, file.padEnd(file.length + 300, "x")]
  ) {
    const error = await assertRejects(() => lockRoot(root), NetdiskError);
    assertEquals(error.code, "local-io");
    assert(error.message.startsWith(`${root}: `), error.message);
    assert(error.hint?.includes("--root"));
  }
});

Deno.test("lockRoot() makes nothing where others could exchange it", async () => {
  using folder = tempFolder();
  Deno.chmodSync(folder.path, 0o777);
  const wanted = `${folder.path}/new/disk`;
  const error = await assertRejects(() => lockRoot(wanted), NetdiskError);
  assertEquals(error.code, "local-io");
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("lockRoot() refuses the root of the disk, and leaves it alone", async () => {
  const error = await assertRejects(() => lockRoot("/"), NetdiskError);
  assertEquals(error.code, "usage");
  assertThrows(() => Deno.lstatSync("/.netdisk"), Deno.errors.NotFound);
});

/** Whether nobody listens there. */
async function isRefused(hostname: string, port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname, port });
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

Deno.test("startServer() listens until it is stopped", async () => {
  using folder = tempFolder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  const server = await startServer({ root, ...LOCAL });
  const { hostname, port, invite } = server.ready;
  assertEquals(hostname, "127.0.0.1");
  assert(port > 0);
  assertEquals(invite?.length, 22);
  using client = new TestClient(await Deno.connect({ hostname, port }));
  const hello = await client.ask(HELLO, "hello");
  assertEquals(hello.registration, "open");
  await within("the stop", server.stop());
  assertEquals((await client.answer("error")).code, "stopping");
  await until("the closed port", () => isRefused(hostname, port));
});

Deno.test("stop() ends a Worker that does not answer, and says so", async () => {
  using folder = tempFolder();
  using log = new LogRecorder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  const server = await startServer({ root, ...LOCAL });
  const { hostname, port } = server.ready;
  using _deaf = replace(Worker.prototype, "postMessage", () => () => {});
  await within("the stop", server.stop(20));
  await until("the closed port", () => isRefused(hostname, port));
  assertEquals(log.lines("stop-forced"), ["stop-forced afterMs=20"]);
});

Deno.test("report() tells of accounts, connections and the disk", async () => {
  using folder = tempFolder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  const server = await startServer({ root, ...LOCAL });
  const { hostname, port } = server.ready;
  using client = new TestClient(await Deno.connect({ hostname, port }));
  await client.ask(HELLO, "hello");
  const { users, sessions, activity, disk, totals } = await server.report();
  assertEquals([users, sessions], [0, 0]);
  assertEquals([activity.loggedIn, activity.strangers], [0, 1]);
  assert(activity.received > 0 && totals.received === activity.received);
  assert(disk && disk.size > disk.free && disk.reserve > 0);
  await within("the stop", server.stop());
});

Deno.test("startServer() on a port in use fails, and leaves nothing running", async () => {
  using folder = tempFolder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  let ended = 0;
  using _ended = replace(Worker.prototype, "terminate", (original) => {
    return function (this: Worker) {
      ended++;
      original.call(this);
    };
  });
  const error = await assertRejects(
    () => within("the failure", startServer({ ...LOCAL, root, port })),
    NetdiskError,
  );
  assertEquals(
    error.message,
    `cannot listen on 127.0.0.1:${port}: the port is in use`,
  );
  assert(error.hint?.includes("--listen"));
  assertEquals(ended, 2);
});

Deno.test("startServer() names an address of IPv6 with its brackets", async () => {
  using folder = tempFolder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  const place = { hostname: "2001:db8::1", port: 6375 };
  const error = await assertRejects(
    () => within("the failure", startServer({ ...LOCAL, root, ...place })),
    NetdiskError,
  );
  const where = "cannot listen on [2001:db8::1]:6375: ";
  assert(error.message.startsWith(where), error.message);
});

Deno.test("startServer() fails when the Worker meets a root that it cannot prepare", async () => {
  using folder = tempFolder();
  const { root, lock } = await lockRoot(folder.path);
  using _lock = lock;
  Deno.writeTextFileSync(`${root}/users`, "no folder");
  await assertRejects(
    () => within("the failure", startServer({ ...LOCAL, root })),
    NetdiskError,
  );
});

/** More than sockets take for a client that does not read. */
const LONG_LISTING = 30_000;

Deno.test({
  name:
    "a long listing holds one folder open, until its end or until the client leaves",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using folder = tempFolder();
    const { root, lock } = await lockRoot(folder.path);
    using _lock = lock;
    const server = await startServer({ root, ...LOCAL });
    const { hostname, port } = server.ready;
    const isOpen = () => descriptorsBelow(root).includes("users/ann/many");
    let token: string | null = null;
    for (const end of ["reads", "leaves"]) {
      using client = new TestClient(await Deno.connect({ hostname, port }));
      await client.ask(HELLO, "hello");
      const login: Request = token ? { type: "authenticate", token } : {
        type: "register",
        user: "ann",
        password: "a password",
        invite: null,
      };
      await client.send(login);
      const session: ResponseOf<"session"> = await client.answer("session");
      if (!token) fillMany(`${root}/users/ann/many`);
      token ??= session.token;
      await client.send({ type: "list", path: "many" });
      await client.answer("entries");
      await until("an open folder", isOpen);
      if (end === "reads") {
        let more = true;
        while (more) more = (await client.answer("entries")).more;
      }
      if (end === "leaves") client.close();
      await until("a closed folder", () => !isOpen());
    }
    await within("the stop", server.stop());
  },
});

/** Files with long names, which are one and the same. */
function fillMany(folder: string): void {
  Deno.mkdirSync(folder);
  const nameOf = (i: number) => `${folder}/${String(i).padStart(250, "x")}`;
  Deno.writeTextFileSync(nameOf(0), "");
  for (let i = 1; i < LONG_LISTING; i++) Deno.linkSync(nameOf(0), nameOf(i));
}
