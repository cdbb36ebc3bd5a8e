/** `netdisk status`, metrics and the log in JSON, of a server that is a process. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { METRICS } from "../../server/metrics_text.ts";
import { until, within } from "../helpers/deadline.ts";
import { dialAs } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Client } from "../helpers/netdisk.ts";
import type { Outcome } from "../helpers/process.ts";
import { Server } from "../helpers/server.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { putRequest } from "../helpers/test_client.ts";

const disk = sharedDisk([
  "--metrics",
  "127.0.0.1:0",
  "--log-format",
  "json",
  "--max-connections",
  "100",
]);
const NOBODY = 65534;

function status(root: string, ...args: string[]): Promise<Outcome> {
  return disk.stranger().run(["status", "--root", root, ...args]);
}

/** The objects that --json printed. */
// deno-lint-ignore no-explicit-any -- any JSON
function objects(text: string): any[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("status shows a running server, its transfers included", async () => {
  const { server } = disk;
  const ann = disk.client();
  ann.write("file", "content");
  assertEquals((await ann.run(["put", "file"])).code, 0);
  using peer = await dialAs(server, ann);
  await peer.send(putRequest("half", 100_000, { ask: true }));
  await peer.answer("continue");
  await peer.sendData("x".repeat(50_000));

  const [found, transfer, result] = await until("the transfer", async () => {
    const told = objects((await status(server.root, "--json")).stdout);
    return told[1]?.bytes >= 50_000 && told;
  });
  const { since, root, process, disk: space, totals, ...rest } = found;
  assertEquals(rest, {
    type: "status",
    version: 1,
    running: true,
    netdisk: rest.netdisk,
    pid: server.process.pid,
    listen: server.address,
    mode: "TLS",
    users: 1,
    sessions: 1,
    liveSessions: 1,
    connections: { loggedIn: 1, strangers: 0, limit: 100 },
    transfers: { put: 1, get: 0 },
  });
  assertEquals(root, Deno.realPathSync(server.root));
  assert(Date.parse(since) <= Date.now());
  assert(process.residentBytes > 0 && space.free > 0);
  assertEquals([totals.puts.ok, totals.logins.register.ok], [1, 1]);
  const { rate, bytes: _, ...of } = transfer;
  assertEquals(of, {
    type: "transfer",
    version: 1,
    user: "ann",
    direction: "put",
  });
  assert(Number.isInteger(rate));
  assertEquals(result.exitCode, 0);

  const { code, stdout, stderr } = await status(server.root, "--check");
  assertEquals([code, stderr], [0, ""]);
  for (
    const line of [
      /^netdisk \S+ serves \S+ on \S+ \(TLS\)$/m,
      /^Users: +1$/m,
      /^Sessions: +1, 1 connected$/m,
      /^Connections: +1 of at most 100, 1 logged in$/m,
      /^Disk: +\S+ \wiB free of \S+ \wiB$/m,
      /^Uploads: +1 done, 0 failed$/m,
      /^Transfers: +1 now\nUSER +DIRECTION .*\nann +put .*\/s\n$/m,
    ]
  ) assertMatch(stdout, line);
  // Which file it is remains between the user and the log.
  assert(!stdout.includes("half"), stdout);
});

Deno.test("status of a server that was stopped or killed, and of one that comes after it", async () => {
  using folder = tempFolder();
  const root = `${folder.path}/${"long".repeat(40)}`;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await using server = await Server.start(folder.path, [], { root });
    assertEquals((await status(root, "--check")).code, 0, signal);
    await server.stop(signal);
    const told = await status(root, "--json");
    const [found, result] = objects(told.stdout);
    assertEquals([found.running, found.users, result.exitCode], [false, 0, 0]);
    assertMatch(
      (await status(root)).stdout,
      /^no server is running on .*\nUsers: +0\nSessions: +0\nDisk: .*\n$/,
    );
    const checked = await status(root, "--check");
    assertEquals(checked.code, 5);
    assertEquals(
      checked.stderr,
      "netdisk: error: no server is running\n" +
        `netdisk: hint: netdisk serve --root '${Deno.realPathSync(root)}'\n`,
    );
  }
});

Deno.test("status of what is no root: exit 3; of a server that does not answer: exit 5", async () => {
  using folder = tempFolder();
  assertOutcome(await status(folder.path), {
    code: 3,
    stderr: `netdisk: error: ${folder.path}: no netdisk is here\n` +
      "netdisk: hint: name the folder that is served with --root DIR\n",
  });
  await using server = await Server.start(folder.path);
  // As where there are no such sockets.
  Deno.removeSync(`${server.root}/.netdisk/status.sock`);
  const { code, stderr } = await status(server.root);
  assertEquals(code, 5);
  assertMatch(stderr, /^netdisk: error: a server runs, but cannot be asked\n/);
});

Deno.test({
  name: "status is for the user who runs the server",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const home = disk.folder("nobody");
    Deno.chownSync(home, NOBODY, NOBODY);
    const nobody = Client.at(home);
    const { root } = disk.server;
    const { code, stdout, stderr } = await nobody.run(
      ["status", "--root", root],
      { uid: NOBODY },
    );
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^netdisk: error: .*\nnetdisk: hint: .*status/);

    // Root would leave files of its own there: it is told as whom to ask.
    using other = tempFolder();
    const served = `${other.path}/disk`;
    await using server = await Server.start(other.path, [], { root: served });
    await server.stop();
    Deno.chownSync(served, NOBODY, NOBODY);
    assertOutcome(await status(served), {
      code: 1,
      stderr: `netdisk: error: ${served}: it belongs to another user ` +
        `(uid ${NOBODY})\n` +
        `netdisk: hint: sudo -u '#${NOBODY}' netdisk status --root '${served}'\n`,
    });
  },
});

/** What is answered to `GET /metrics`, from the port that the log names. */
async function metrics(): Promise<string> {
  const [, address] = await disk.server.logs(
    /"event":"metrics","address":"([^"]+)","denied":"read,write,.*connect,listen"/,
  );
  const answer = await within("metrics", fetch(`http://${address}/metrics`));
  assertEquals(answer.status, 200);
  return await answer.text();
}

Deno.test("metrics has all that is documented, while the server works", async () => {
  const text = await metrics();
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assertEquals(names, METRICS.map(({ name }) => name));
  assertMatch(text, /^netdisk_users 1$/m);
  assertMatch(text, /^netdisk_connections_limit 100$/m);
  assertMatch(text, /^netdisk_puts_total\{result="ok"\} 1$/m);
  assert(!text.includes("ann"), "a user is named");
});

Deno.test("Prometheus may ask as often as it likes", async () => {
  // The runtime has once taken 513 connections for all there may ever be.
  for (let i = 0; i < 600; i++) await metrics();
});

Deno.test("strangers on the port of the metrics disturb nobody", async () => {
  const [, port] = await disk.server.logs(/"metrics","address":"[^"]+:(\d+)"/);
  const silent: Deno.TcpConn[] = [];
  for (let i = 0; i < 200; i++) {
    const options = { hostname: "127.0.0.1", port: Number(port) };
    const socket = await Deno.connect(options);
    silent.push(socket);
    // Some were closed at once.
    await socket.write(new TextEncoder().encode("GET /m")).catch(() => {});
  }
  assertEquals((await disk.client().run(["ls"])).code, 0);
  assertEquals((await status(disk.server.root, "--check")).code, 0);
  for (const socket of silent) socket.close();
  await until("room for others", () => metrics().catch(() => undefined));
});

Deno.test("every line of a log in JSON is an object, from the first to the last", async () => {
  using folder = tempFolder();
  const args = ["--log-format", "json", "--registration", "open"];
  await using server = await Server.start(folder.path, args);
  const client = disk.stranger();
  await client.register("bob", server.address);
  client.write("new\nline", "content");
  assertEquals((await client.run(["put", "new\nline"])).code, 6);
  client.write("a file", "content");
  assertEquals((await client.run(["put", "a file"])).code, 0);
  const { code, stderr } = await server.stop();
  assertEquals(code, 0);
  const lines = objects(stderr);
  for (const { time, event } of lines) {
    assert(!Number.isNaN(Date.parse(time)) && typeof event === "string");
  }
  const events = lines.map(({ event }) => event);
  assertEquals([events[0], events.at(-1)], ["sandbox", "stopped"]);
  const put = lines.find(({ event }) => event === "put");
  assertEquals([put.user, put.path, put.bytes], ["bob", "a file", 7]);
});

Deno.test("a server that cannot start says why in both forms", async () => {
  using folder = tempFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const inUse = `${address}: the port is in use`;
  const { root } = disk.server;
  const cases: [root: string, listen: string, reason: string][] = [
    [`${folder.path}/disk`, "127.0.0.1:0", `cannot tell metrics on ${inUse}`],
    [`${folder.path}/disk`, address, `cannot listen on ${inUse}`],
    [root, "127.0.0.1:0", `${root}: another server is using it`],
  ];
  for (const [root, listen, reason] of cases) {
    const args = ["--root", root, "--listen", listen, "--metrics", address];
    const { code, stdout, stderr } = await disk.stranger().run(
      ["serve", "--log-format", "json", ...args],
    );
    assertEquals([code, stdout], [1, ""]);
    assert(stderr.includes(`"event":"failed","reason":"${reason}"}\n`), stderr);
    assert(stderr.includes(`netdisk: error: ${reason}\n`), stderr);
  }
});
