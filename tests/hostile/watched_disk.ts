/**
 * A server that hostile clients are let loose on. After all tests of a file it
 * still runs and has logged no failure of its own, nothing outside the users'
 * own folders has changed, and what it took of the machine is given back.
 */

import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { dialAs, type Peer } from "../helpers/dial.ts";
import { type Disk, sharedDisk } from "../helpers/disk.ts";
import { plant, watch } from "./witness.ts";

/** What a process of this kind takes more when it has worked for a while. */
const MAX_GROWTH_MIB = 150;
/** Files that a server may have open at any moment without a client. */
const SPARE_DESCRIPTORS = 2;

/** How the tests of a file speak to their server. */
export type Way = "TLS" | "plain";
export const WAYS: readonly Way[] = ["plain", "TLS"];

/** A shared disk, watched. */
export function watchedDisk(way: Way): Disk {
  const disk = sharedDisk(way === "plain" ? ["--plain"] : []);
  let seen: string[] = [];
  let memory = 0;
  let descriptors = 0;
  Deno.test.beforeAll(async () => {
    plant(homeOf(disk));
    // Everything that is loaded late is loaded by now.
    await assertServes(disk);
    seen = watch(homeOf(disk));
    memory = memoryOf(disk);
    descriptors = descriptorsOf(disk);
  });
  // What is registered last runs first: the server is still there.
  Deno.test.afterAll(async () => {
    await assertServes(disk);
    assertEquals(watch(homeOf(disk)), seen);
    checkLog(disk.server.log);
    await until("descriptors to be closed", () => {
      return descriptorsOf(disk) <= descriptors + SPARE_DESCRIPTORS;
    });
    const growth = memoryOf(disk) - memory;
    assert(growth < MAX_GROWTH_MIB, `${growth} MiB more memory`);
  });
  return disk;
}

/** One event a line, whatever clients have sent, and no failure of the server's own. */
function checkLog(log: string): void {
  const line =
    /^\d{4}-\d\d-\d\dT[\d:.]+Z ([a-z-]+)( [a-z]+=("([^"\\]|\\.)*"|\S+))*$/;
  // Behind the last line end there may be a part of a line.
  for (const text of log.split("\n").slice(0, -1)) {
    const [, event] = line.exec(text) ?? [];
    assert(event !== undefined && event !== "internal-error", text);
  }
}

/** Another client lists, stores and fetches. */
export async function assertServes(disk: Disk): Promise<void> {
  assert(disk.server.process.isRunning, disk.server.log);
  using peer = await logIn(disk);
  await peer.ask({ type: "list", path: "" }, "entries");
  await peer.sendPut("served", "still");
  await peer.answer("receipt");
  assertEquals(new TextDecoder().decode(await peer.get("served")), "still");
}

/** A connection that has logged in to the account of the file's tests. */
export function logIn(disk: Disk): Promise<Peer> {
  return dialAs(disk.server, disk.client());
}

/** The folder in which the storage root lies. */
export function homeOf(disk: Disk): string {
  return dirname(disk.server.root);
}

function memoryOf(disk: Disk): number {
  const status = Deno.readTextFileSync(`${procOf(disk)}/status`);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

function descriptorsOf(disk: Disk): number {
  return [...Deno.readDirSync(`${procOf(disk)}/fd`)].length;
}

function procOf(disk: Disk): string {
  return `/proc/${disk.server.process.pid}`;
}
