import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Status } from "../../server/status_report.ts";
import {
  askStatus,
  MAX_ASKERS,
  StatusSocket,
  statusSocket,
} from "../../server/status_socket.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { until } from "../helpers/deadline.ts";
import { socketsOf } from "../helpers/descriptors.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { LogRecorder } from "./fixture.ts";

const STATUS = { pid: 7, root: "/somewhere" } as Status;
const describe = () => Promise.resolve(STATUS);

/** A root without a server. */
function rootBelow(folder: string): string {
  Deno.mkdirSync(dataFolder(folder), { recursive: true });
  return folder;
}

Deno.test("askStatus() finds nobody where no server is, or one that was killed", async () => {
  using folder = tempFolder();
  const root = rootBelow(folder.path);
  assertEquals(await askStatus(root), undefined);
  const path = statusSocket(root);
  const listener = Deno.listen({ transport: "unix", path: `${path}-` });
  Deno.renameSync(`${path}-`, path);
  listener.close();
  assert(Deno.lstatSync(path).isSocket);
  assertEquals(await askStatus(root), undefined);
  // A new server takes its place, and tidies up.
  {
    using _socket = await StatusSocket.open(root, describe);
    assertEquals(await askStatus(root), STATUS);
  }
  assertEquals([...Deno.readDirSync(dataFolder(root))], []);
});

Deno.test("the path of a root may be longer than that of a socket", async () => {
  using folder = tempFolder();
  const root = rootBelow(`${folder.path}/${"x".repeat(150)}`);
  const here = Deno.cwd();
  using socket = await StatusSocket.open(root, describe);
  assert(socket);
  assertEquals(await askStatus(root), STATUS);
  assertEquals(Deno.cwd(), here);
});

Deno.test("a server that cannot listen says why, and goes on", async () => {
  using folder = tempFolder();
  using log = new LogRecorder();
  const root = rootBelow(folder.path);
  Deno.mkdirSync(`${statusSocket(root)}/full`, { recursive: true });
  assertEquals(await StatusSocket.open(root, describe), undefined);
  assertEquals(log.lines("no-status").length, 1);
});

Deno.test("a server that cannot tell is busy, and tells the next one", async () => {
  using folder = tempFolder();
  const root = rootBelow(folder.path);
  let isBusy = true;
  using _socket = await StatusSocket.open(root, () => {
    return isBusy ? Promise.reject(new Error("busy")) : describe();
  });
  const error = await assertRejects(() => askStatus(root), NetdiskError);
  assertEquals(error.code, "busy");
  isBusy = false;
  assertEquals(await askStatus(root), STATUS);
});

Deno.test("a document that is none is an error", async () => {
  using folder = tempFolder();
  const root = rootBelow(folder.path);
  const path = statusSocket(root);
  using listener = Deno.listen({ transport: "unix", path });
  const asked = assertRejects(() => askStatus(root), NetdiskError);
  using connection = await listener.accept();
  await connection.write(new TextEncoder().encode("{"));
  connection.closeWrite();
  assertEquals((await asked).code, "local-io");
});

Deno.test("those who never read hold nothing, and keep nobody out", async () => {
  using folder = tempFolder();
  const root = rootBelow(folder.path);
  const large = { ...STATUS, root: "x".repeat(30_000) };
  using _socket = await StatusSocket.open(root, () => Promise.resolve(large));
  const before = socketsOf(Deno.pid);
  const path = statusSocket(root);
  const silent: Deno.UnixConn[] = [];
  for (let i = 0; i < 50; i++) {
    silent.push(await Deno.connect({ transport: "unix", path }));
  }
  await until("the server's ends are closed", () => {
    return socketsOf(Deno.pid) <= before + silent.length;
  });
  assertEquals(await askStatus(root), large);
  for (const connection of silent) connection.close();
});

Deno.test("many may ask at once: some are told at a time, and in the end all", async () => {
  using folder = tempFolder();
  const root = rootBelow(folder.path);
  const gate = Promise.withResolvers<Status>();
  let asking = 0;
  let most = 0;
  using _socket = await StatusSocket.open(root, async () => {
    most = Math.max(most, ++asking);
    const status = await gate.promise;
    asking--;
    return status;
  });
  const asked = Array.from({ length: 40 }, () => askStatus(root));
  await until("some wait", () => asking === MAX_ASKERS);
  gate.resolve(STATUS);
  assertEquals(await Promise.all(asked), Array(40).fill(STATUS));
  assertEquals(most, MAX_ASKERS);
});
