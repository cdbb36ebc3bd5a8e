/**
 * kill -9 at the calls of a parcel's life: it is composed, gets two files, is
 * delivered, saved, deleted. What was acknowledged is so after a restart, the
 * receiver sees a parcel whole or not at all, and no file is lost or doubled.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Request, Response, ResponseOf } from "../../protocol/messages.ts";
import { until } from "../helpers/deadline.ts";
import type { Peer } from "../helpers/dial.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { testWith, TRACING } from "../helpers/needs.ts";
import { sha256Of } from "../helpers/test_client.ts";
import { CrashDisk } from "./crash_disk.ts";
import { killAtEach, type KillKind } from "./kill_points.ts";
import { assertDatabase, noLeftovers } from "./recovery.ts";

const NAMES = ["a.bin", "b.bin"];
const LEAST_COST = 4096;

const RENAME: KillKind = {
  calls: "?rename,?renameat,renameat2",
  onlyServing: true,
};
const MKDIR: KillKind = { calls: "?mkdir,mkdirat", onlyServing: true };
const REMOVE: KillKind = { calls: "?unlink,unlinkat,?rmdir" };
const COMMIT: KillKind = { calls: "fsync,fdatasync", onlyServing: true };
const WRITE: KillKind = { calls: "pwrite64", onlyServing: true };

/** The database writes two dozen times in a life. */
const SOME_WRITES = [2, 7, 12, 17, 22];

testWith([TRACING], "kill at each call of a parcel's life", async () => {
  await using disk = await CrashDisk.make({
    users: ["ann", "ben"],
    args: ["--quota", "100M"],
  });
  let life = await Life.begin(disk, 0);
  let round = 0;
  const work = {
    async begin(): Promise<void> {
      life = await Life.begin(disk, ++round);
    },
    run: () => life.run(),
    async check(): Promise<void> {
      life.close();
      if (!disk.server.process.isRunning) {
        assertDatabase(disk.root);
        await disk.start();
      }
      await life.check();
    },
  };
  await life.run();
  await work.check();
  const kills: number[] = [];
  for (const kind of [RENAME, MKDIR, COMMIT]) {
    kills.push((await killAtEach(disk, kind, work)).length);
  }
  for (const [kind, which] of [[REMOVE, [1]], [WRITE, SOME_WRITES]] as const) {
    kills.push((await killAtEach(disk, kind, work, which)).length);
  }
  const [renames = 0, folders = 0, commits = 0, removals, writes] = kills;
  // Two puts, one delivery, two files saved, one removal.
  assertEquals(renames, 6);
  assert(folders >= 2 && commits >= 4, `${kills}`);
  assertEquals([removals, writes], [1, SOME_WRITES.length]);
});

/** One parcel from ben to ann. */
class Life {
  #disk: CrashDisk;
  #round: number;
  #ann: Peer;
  #ben: Peer;
  /** What was acknowledged. */
  #done: string[] = [];

  private constructor(disk: CrashDisk, round: number, ann: Peer, ben: Peer) {
    this.#disk = disk;
    this.#round = round;
    this.#ann = ann;
    this.#ben = ben;
  }

  static async begin(disk: CrashDisk, round: number): Promise<Life> {
    const ann = await disk.dial("ann");
    const ben = await disk.dial("ben");
    // What there is, is known from now on: the rest is kept count of.
    await tell(ann, { type: "quota" }, "quota");
    return new Life(disk, round, ann, ben);
  }

  get #draft(): string {
    return sha256Of(`draft ${this.#round}`);
  }

  get #message(): string {
    return `message ${this.#round}`;
  }

  #contentOf(name: string): string {
    return `${name} of ${this.#round}`.repeat(1000);
  }

  close(): void {
    this.#ann.close();
    this.#ben.close();
  }

  /** As far as it gets. */
  async run(): Promise<void> {
    try {
      await this.#send();
      const number = (await this.#numbers())[0]!;
      const to = `saved/${this.#round}`;
      await tell(this.#ann, { type: "save", number, to }, "ok");
      this.#done.push("saved");
      await tell(this.#ann, { type: "discard", number }, "ok");
      this.#done.push("discarded");
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** After a restart, if there was one. */
  async check(): Promise<void> {
    const last = this.#done.at(-1);
    const [ann, ben] = [
      await this.#disk.dial("ann"),
      await this.#disk.dial("ben"),
    ];
    [this.#ann, this.#ben] = [ann, ben];
    await tell(ann, { type: "quota" }, "quota");
    const numbers = await this.#numbers();
    if (last === "discarded") assertEquals(numbers, []);
    if (last === "delivered") assertEquals(numbers.length, 1);
    assert(numbers.length <= 1, "it is there twice");
    const isDelivered = numbers.length === 1 || this.#done.includes("saved");
    // Nobody is asked to compose again: the answer may have been lost.
    if (!isDelivered) await this.#goOn();
    const [number] = await this.#numbers();
    if (number !== undefined) {
      assertEquals(
        [...await this.#filesOf(number), ...this.#saved()].sort(),
        NAMES,
      );
      const to = `saved/${this.#round}`;
      await tell(ann, { type: "save", number, to }, "ok");
      await tell(ann, { type: "discard", number }, "ok");
    }
    assertEquals(this.#saved(), NAMES);
    for (const name of NAMES) {
      const path = this.#disk.file("ann", `saved/${this.#round}/${name}`);
      assertEquals(Deno.readTextFileSync(path), this.#contentOf(name));
    }
    await noLeftovers(this.#disk.root);
    await until("the right count", async () => {
      const { used } = await tell(ann, { type: "quota" }, "quota");
      return used === costBelow(this.#disk.file("ann"));
    });
    this.close();
  }

  async #send(): Promise<void> {
    const draft = this.#draft;
    await tell(this.#ben, { type: "compose", to: "ann", draft }, "ok");
    this.#done.push("composed");
    for (const name of NAMES) {
      await this.#ben.sendPut(name, this.#contentOf(name));
      await answer(this.#ben, "receipt");
      this.#done.push(name);
    }
    await this.#deliver();
    this.#done.push("delivered");
  }

  #deliver(): Promise<Response> {
    const [draft, message] = [this.#draft, this.#message];
    const files = NAMES.length;
    const request = { type: "deliver", draft, files, message } as const;
    return tell(this.#ben, request, "delivered");
  }

  /** The sender, whose connection was lost, tries again. */
  async #goOn(): Promise<void> {
    if (this.#done.includes("b.bin")) await this.#deliver();
    else await this.#send();
  }

  /** Those of the inbox that are this one. */
  async #numbers(): Promise<number[]> {
    const { parcels } = await tell(
      this.#ann,
      { type: "inbox", before: null },
      "parcels",
    );
    return parcels.filter(({ line }) => line === this.#message)
      .map(({ number }) => number);
  }

  async #filesOf(number: number): Promise<string[]> {
    await tell(this.#ann, { type: "open", number }, "parcel");
    const request = { type: "list", path: "" } as const;
    const { entries } = await tell(this.#ann, request, "entries");
    await tell(this.#ann, { type: "leave" }, "ok");
    return entries.map(({ name }) => name);
  }

  #saved(): string[] {
    try {
      return filesBelow(this.#disk.file("ann", `saved/${this.#round}`)).sort();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return [];
    }
  }
}

async function tell<K extends Response["type"]>(
  peer: Peer,
  request: Request,
  type: K,
): Promise<ResponseOf<K>> {
  await peer.send(request);
  return await answer(peer, type);
}

async function answer<K extends Response["type"]>(
  peer: Peer,
  type: K,
): Promise<ResponseOf<K>> {
  const got = await peer.next();
  if (got === null) throw new NetdiskError("connection-lost", "it ended");
  assert(!(got instanceof Uint8Array));
  assertEquals(got.type, type, JSON.stringify(got));
  return got as ResponseOf<K>;
}

function isLoss(error: unknown): boolean {
  return error instanceof NetdiskError && error.code === "connection-lost";
}

/** What a folder has by the rule of SPEC.md 4, `quota`. */
function costBelow(folder: string): number {
  let cost = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    cost += isDirectory
      ? LEAST_COST + costBelow(path)
      : Math.max(LEAST_COST, Deno.lstatSync(path).size);
  }
  return cost;
}
