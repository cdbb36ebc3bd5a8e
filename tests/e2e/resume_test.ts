/** Interrupted transfers go on, wherever and however they were interrupted. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join, relative } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { descriptorsBelow } from "../helpers/faults.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Client } from "../helpers/netdisk.ts";
import type { Process } from "../helpers/process.ts";
import { Random } from "../helpers/random.ts";
import { Server } from "../helpers/server.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

const SIZE = 9 * MiB + 7;

/** What an interrupted transfer may have left. */
const LEFT_BYTES = [0, 1, KiB, MiB, SIZE - 1, SIZE];

/** More than the handshake, less than the file: so much passes before the end. */
const PASSING_BYTES = 1.5 * MiB;

const content = new Random(3).bytes(SIZE);
const OLD = new TextEncoder().encode("what was there before");

/** A server that can be ended and started again, and clients behind gates. */
class Fixture implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  server!: Server;
  readonly gates: Gate[] = [];
  #registered!: Client;
  /** Of the first server, which the client remembers. */
  #address = "";

  static async start(): Promise<Fixture> {
    const fixture = new Fixture();
    await fixture.startServer();
    fixture.#registered = fixture.#newClient();
    fixture.#address = fixture.server.address;
    await fixture.#registered.register("ann", fixture.#address);
    return fixture;
  }

  /** Starts a server on the same root; the gates lead to it from now on. */
  async startServer(): Promise<void> {
    this.server = await Server.start(this.folder.path);
    for (const gate of this.gates) gate.target = this.server.port;
  }

  /** A client with a session, and the gate that it has to pass. */
  client(): { ann: Client; gate: Gate } {
    const gate = new Gate(this.server.port);
    this.gates.push(gate);
    const ann = this.#newClient();
    ann.copyConfig(this.#registered);
    ann.readdress(this.#address, gate.address);
    return { ann, gate };
  }

  #newClient(): Client {
    return Client.at(Deno.makeTempDirSync({ dir: this.folder.path }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.gates) await gate[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** One transfer that is interrupted, of which `left` bytes will be there. */
class Transfer {
  readonly ann: Client;
  readonly gate: Gate;
  readonly #fixture: Fixture;
  readonly #kind: "put" | "get";
  readonly #left: number;
  process!: Process;

  constructor(fixture: Fixture, kind: "put" | "get", left: number) {
    this.#fixture = fixture;
    this.#kind = kind;
    this.#left = left;
    const { ann, gate } = fixture.client();
    this.ann = ann;
    this.gate = gate;
    const here = kind === "put" ? ann.path(this.#name) : this.#stored;
    Deno.writeFileSync(here, content);
    Deno.writeFileSync(kind === "put" ? this.#stored : this.#target, OLD);
  }

  /** Runs until a part of the file has passed. */
  async begin(...options: string[]): Promise<void> {
    this.gate.hold(this.#way, PASSING_BYTES);
    this.process = this.ann.start([this.#kind, this.#name, ...options]);
    await this.gate.holds();
    await until(`${this} has begun`, () => this.#hasPartial());
  }

  /** Waits until the other side has learnt of the end. */
  async settled(): Promise<void> {
    if (this.#kind === "get") return;
    const { root, process } = this.#fixture.server;
    const own = relative(root, this.#partial());
    await until(
      `${this} is put down`,
      () => !descriptorsBelow(root, process.pid).includes(own),
    );
  }

  /** As if it had been interrupted when just so many bytes were there. */
  adjustPartial(): void {
    const partial = this.#partial();
    assert(Deno.readFileSync(partial).length > 0, this.toString());
    Deno.writeFileSync(partial, content.subarray(0, this.#left));
    assertEquals(Deno.readFileSync(this.#end), OLD, this.toString());
  }

  async runAgain(): Promise<void> {
    const bytes = this.gate.passed[this.#way];
    const { code, stderr } = await this.ann.run([this.#kind, this.#name]);
    assertEquals([code, stderr], [0, ""], this.toString());
    this.assertWhole();
    const passed = this.gate.passed[this.#way] - bytes;
    const overhead = 64 * KiB;
    assert(passed <= SIZE - this.#left + overhead, `${this}: ${passed} bytes`);
  }

  assertWhole(): void {
    assertEquals(Deno.readFileSync(this.#end), content, this.toString());
  }

  get #way(): "up" | "down" {
    return this.#kind === "put" ? "up" : "down";
  }

  get #name(): string {
    return `${this.#kind}-${this.#left}`;
  }

  get #stored(): string {
    return this.#fixture.server.file("ann", this.#name);
  }

  get #target(): string {
    return join(this.ann.path("."), this.#name);
  }

  /** The place of the file at the end of the transfer. */
  get #end(): string {
    return this.#kind === "put" ? this.#stored : this.#target;
  }

  #hasPartial(): boolean {
    try {
      return Deno.statSync(this.#partial()).size > 0;
    } catch {
      return false;
    }
  }

  #partial(): string {
    if (this.#kind === "put") {
      const folder = join(this.#fixture.server.root, ".netdisk/uploads/ann");
      return join(folder, `r-${sha256Of(this.#name)}`);
    }
    const names = this.ann.names().filter((name) => name.endsWith(".part"));
    assertEquals(names.length, 1, `${this}: what was kept`);
    return this.ann.path(names[0]!);
  }

  toString(): string {
    return `${this.#kind} of which ${this.#left} bytes were there`;
  }
}

/** How all transfers are interrupted; afterwards the server runs again. */
const CAUSES: Record<
  string,
  (fixture: Fixture, transfers: Transfer[]) => Promise<void>
> = {
  async "the client is killed"(_fixture, transfers) {
    for (const { process } of transfers) process.signal("SIGKILL");
    for (const { process, gate } of transfers) {
      await process.outcome();
      // What was on its way is lost with its sender.
      await gate.reset();
    }
  },
  async "the client is stopped"(_fixture, transfers) {
    for (const { process } of transfers) process.signal("SIGTERM");
    for (const { process, gate } of transfers) {
      assertEquals((await process.outcome()).code, 143);
      await gate.reset();
    }
  },
  async "the server is killed"(fixture, transfers) {
    await fixture.server.stop("SIGKILL");
    await lost(transfers);
    await fixture.startServer();
  },
  async "the server is stopped"(fixture, transfers) {
    assertEquals((await fixture.server.stop("SIGTERM")).code, 0);
    await lost(transfers);
    await fixture.startServer();
  },
  async "the connection is reset"(_fixture, transfers) {
    await lost(transfers);
  },
};

/** Whoever does not try again says what is lost, and which command goes on. */
async function lost(transfers: Transfer[]): Promise<void> {
  for (const { process, gate } of transfers) {
    await gate.reset();
    const { code, stderr } = await process.outcome();
    assertEquals(code, 5, stderr);
    assertMatch(stderr, /^netdisk: error: .*\n(netdisk: hint: .*\n)?$/);
  }
}

for (const [cause, interrupt] of Object.entries(CAUSES)) {
  Deno.test(`${cause}: the same command goes on where it stood`, async () => {
    await using fixture = await Fixture.start();
    const transfers = (["put", "get"] as const).flatMap((kind) =>
      LEFT_BYTES.map((left) => new Transfer(fixture, kind, left))
    );
    await Promise.all(
      transfers.map((transfer) => transfer.begin("--retries", "0")),
    );
    await interrupt(fixture, transfers);
    for (const transfer of transfers) await transfer.settled();
    for (const transfer of transfers) transfer.adjustPartial();
    for (const transfer of transfers) await transfer.runAgain();
    assertEquals(fixture.server.uploads(), []);
    for (const { ann } of transfers) assertEquals(ann.names().length, 1);
  });
}

for (const kind of ["put", "get"] as const) {
  Deno.test(`${kind} goes on by itself when the server is killed and comes back`, async () => {
    await using fixture = await Fixture.start();
    const transfer = new Transfer(fixture, kind, 0);
    await transfer.begin("--progress", "always");
    await fixture.server.stop("SIGKILL");
    await fixture.startServer();
    await transfer.gate.reset();
    const { code, stderr } = await transfer.process.outcome();
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /reconnecting/);
    assertMatch(stderr, /resuming at \d+%/);
    transfer.assertWhole();
    assertEquals(fixture.server.uploads(), []);
    assertEquals(transfer.ann.names().length, 1);
  });

  Deno.test(`${kind}: at most 8 MiB are sent twice`, async () => {
    await using fixture = await Fixture.start();
    const { ann, gate } = fixture.client();
    const size = 24 * MiB;
    const path = kind === "put"
      ? ann.path("large")
      : fixture.server.file("ann", "large");
    Deno.writeFileSync(path, new Random(5).bytes(size));
    const way = kind === "put" ? "up" : "down";
    gate.hold(way, 14 * MiB);
    await using first = ann.start([kind, "large", "--retries", "0"]);
    await gate.holds();
    await gate.reset();
    assertEquals((await first.outcome()).code, 5);
    assertOutcome(await ann.run([kind, "large"]));
    const twice = gate.passed[way] - size;
    assert(twice <= 8 * MiB, `${twice} bytes more than the file has`);
  });
}
