/** Runs the command lines of contract_table.ts, each in the circumstances in which it is to fail. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Answerer } from "../helpers/answerer.ts";
import { until } from "../helpers/deadline.ts";
import { dialAs, type Peer } from "../helpers/dial.ts";
import type { Disk } from "../helpers/disk.ts";
import { meet } from "../helpers/lying_server.ts";
import { Loopback, testIdentity } from "../helpers/loopback.ts";
import { NETWORKING } from "../helpers/needs.ts";
import type { Client } from "../helpers/netdisk.ts";
import type { Outcome, Process } from "../helpers/process.ts";
import { putRequest, sha256Of } from "../helpers/test_client.ts";
import { judge, judgeTalk, type Mode, MODES } from "./contract_judge.ts";
import { type Failure, FAILURES, type Try, WALK } from "./contract_table.ts";
import type { ObjectLog } from "./contract_objects.ts";

/** What a user may store: less than the file `large`, more than all others together. */
export const QUOTA_BYTES = 1024 ** 3;

/** Starts what follows when its stdout is a pipe that nobody reads any more. */
const CLOSED = ["bash", "-c", 'exec > >(exec true); wait $!; exec "$@"', "-"];

/** Starts what follows with no room for its output. */
const FULL = ["sh", "-c", 'exec "$@" >/dev/full', "-"];

/** So often a line is tried whose outcome depends on how busy the machine is. */
const MOST_TRIES = 10;

const identity = await testIdentity();
const TEXT = "hello";
/** In the inbox of ann from the start: 1 stays, and each `{parcel}` is another one. */
const PARCELS = 40;
/** Seconds since 1970; what is on the server is newer. */
const OLD = 1_000_000_000;

export class Walk {
  readonly #disk: Disk;
  readonly #objects: ObjectLog;
  #carl: Client | undefined;
  #count = 0;
  /** The number of the last parcel that a line was given. */
  #parcel = 1;

  constructor(disk: Disk, objects: ObjectLog) {
    this.#disk = disk;
    this.#objects = objects;
  }

  /** Makes the accounts that the table names. */
  async start(): Promise<void> {
    const { address } = this.#disk.server;
    this.#carl = this.#disk.stranger();
    await Promise.all([
      this.#disk.stranger().register("bob", address),
      this.#carl.register("carl", address),
      this.#sendParcels(),
    ]);
  }

  async #sendParcels(): Promise<void> {
    using peer = await dialAs(this.#disk.server, this.#disk.client());
    const draft = sha256Of("draft");
    for (let i = 0; i < PARCELS; i++) {
      await peer.ask({ type: "compose", to: "ann", draft }, "ok");
      await peer.sendPut("f", TEXT);
      await peer.answer("receipt");
      const parcel = { draft, files: 1, message: "hi" };
      await peer.ask({ type: "deliver", ...parcel }, "delivered");
    }
  }

  /** Runs a line that succeeds. */
  async succeeds(given: Try, mode: Mode): Promise<void> {
    using _upload = given.isBusy ? await this.#upload() : undefined;
    const outcome = await inTime(given, 0, async () => {
      const { line, client } = await this.#prepare(given, mode);
      return await play(client, line, given);
    });
    this.#judge(outcome, 0, mode, given);
  }

  /** Runs a line that fails, in the circumstances that `failure` stands for. */
  async fails(given: Try, failure: Failure, mode: Mode): Promise<void> {
    if (given.via && NETWORKING()) return;
    const outcome = await inTime(
      given,
      FAILURES[failure],
      () => this.#failure(given, failure, mode),
    );
    if (failure === "stdout closed" || failure === "stdout full") {
      assertEquals([outcome.code, outcome.stdout], [FAILURES[failure], ""]);
      const hasReason = failure === "stdout full";
      judgeTalk(outcome.stderr, mode, hasReason ? "one" : "none");
      return;
    }
    this.#judge(outcome, FAILURES[failure], mode, given);
    if (failure === "partial") return;
    if (mode !== "json") assertEquals(outcome.stdout, "");
  }

  async #failure(
    given: Try,
    failure: Failure,
    mode: Mode,
  ): Promise<Outcome> {
    // What fails before it matters needs nothing to be there.
    const { before: _, ...bare } = given;
    switch (failure) {
      case "usage":
        return await this.#run(bare, [...MODES[mode], "--no-such-option"]);
      case "not logged in":
        return await this.#run({ ...bare, user: "nobody" }, MODES[mode]);
      case "unreachable":
        return await this.#unreachable(bare, mode);
      case "connection lost":
        return await this.#against(bare, mode, async (connection) => {
          await connection.read(new Uint8Array(64));
        });
      case "identity":
        return await this.#against(bare, mode, () => Promise.resolve(), {
          identity,
        });
      case "SIGINT":
      case "SIGTERM":
        return await this.#interrupted(bare, mode, failure);
      case "stdout full":
        return await this.#run(given, MODES[mode], FULL);
      case "stdout closed":
        return await this.#run(given, MODES[mode], CLOSED);
      default:
        return await this.#run(given, MODES[mode]);
    }
  }

  async #run(
    given: Try,
    options: readonly string[],
    via = given.via ?? [],
  ): Promise<Outcome> {
    if (given.lie) {
      const args = this.#words(given);
      return await meet([...args, ...options], given.lie, {
        files: { f: TEXT },
      });
    }
    const { line, client } = await this.#prepare(given, "text");
    return await client.run([...line, ...options], {
      via,
      stdin: given.stdin ?? "",
    });
  }

  async #unreachable(given: Try, mode: Mode): Promise<Outcome> {
    if (given.via) return await this.#run(given, MODES[mode]);
    const gone = new Loopback(() => Promise.resolve());
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    const { line, client } = await this.#prepare(given, mode, port);
    return await client.run([...line, "--retries", "0"]);
  }

  /** The server is one that does this with each connection. */
  async #against(
    given: Try,
    mode: Mode,
    serve: (connection: Deno.Conn) => Promise<void>,
    options = {},
  ): Promise<Outcome> {
    await using server = new Loopback(serve, options);
    const { line, client } = await this.#prepare(given, mode, server.port);
    return await client.run([...line, "--retries", "0"]);
  }

  /** The signal comes while the server does not answer, or nobody who was asked. */
  async #interrupted(
    given: Try,
    mode: Mode,
    signal: "SIGINT" | "SIGTERM",
  ): Promise<Outcome> {
    const { promise: hung, resolve: release } = Promise.withResolvers<void>();
    await using server = new Loopback(() => hung);
    await using silent = given.isTimed ? new Answerer(() => []) : undefined;
    const { line, client } = await this.#prepare(given, mode, server.port);
    await using process = client.start(line);
    await until(
      "a connection",
      () => server.accepted > 0 || silent && silent.heard > 0,
    );
    process.signal(signal);
    const outcome = await process.outcome();
    release();
    return outcome;
  }

  #judge(outcome: Outcome, status: number, mode: Mode, given: Try): void {
    const command = commandOf(given);
    for (const object of judge(outcome, status, mode)) {
      this.#objects.add(command, object);
    }
  }

  /** An upload that goes on until it is disposed of. */
  async #upload(): Promise<Peer> {
    const peer = await dialAs(this.#disk.server, this.#disk.client());
    await peer.send(putRequest("upload", TEXT.length, { ask: true }));
    await peer.answer("continue");
    return peer;
  }

  /** A home for one process, and its command line. */
  async #prepare(
    given: Try,
    mode: Mode,
    port?: number,
  ): Promise<{ line: string[]; client: Client }> {
    const client = given.user === "nobody"
      ? this.#disk.stranger()
      : this.#disk.client();
    if (given.user === "carl") client.copyConfig(this.#carl!);
    client.write("f", TEXT);
    client.write("d/f", TEXT);
    Deno.utimeSync(client.path("d/f"), OLD, OLD);
    Deno.mkdirSync(client.path("e"));
    const { address } = this.#disk.server;
    const words = this.#words(given);
    if (given.before) {
      const before = this.#words(given.before);
      const { code, stderr } = await play(client, before, given.before);
      assertEquals(code, 0, stderr);
    }
    if (given.args.includes("large")) {
      Deno.truncateSync(client.write("large", ""), QUOTA_BYTES + 1);
    }
    if (given.args.includes("links")) {
      Deno.mkdirSync(client.path("links"));
      Deno.symlinkSync("nowhere", client.path("links/link"));
    }
    if (given.args.includes("swapped")) client.write("swapped/d", TEXT);
    if (port !== undefined) client.readdress(address, `127.0.0.1:${port}`);
    const line = [...words, ...MODES[mode]].map((word) =>
      word === address && port !== undefined ? `127.0.0.1:${port}` : word
    );
    return { line, client };
  }

  /** The words of a line, and what they name on the server. */
  #words({ args }: Try): string[] {
    const own = `n${++this.#count}`;
    const { server } = this.#disk;
    if (args.includes("{n}") && !args.startsWith("register")) {
      // What `admin remove` removes is a user's folder, what others see is ann's.
      const folder = args.startsWith("admin")
        ? server.file(own)
        : server.file("ann", own);
      for (const name of ["d", "e"]) {
        Deno.mkdirSync(join(folder, name), { recursive: true });
      }
      for (const name of ["f", "d/f"]) {
        Deno.writeTextFileSync(join(folder, name), TEXT);
      }
    }
    if (args.includes("{parcel}")) this.#parcel++;
    const line = args.replaceAll("{n}", own)
      .replace("{parcel}", String(this.#parcel))
      .replace("{server}", server.address).replace("{root}", server.root);
    return line.split(" ");
  }
}

/** Runs a line to its end, or until the signal that it waits for. */
async function play(
  client: Client,
  line: readonly string[],
  { stdin, ends }: Try,
): Promise<Outcome> {
  await using process = client.start(line);
  if (ends) {
    await process.says("stdout", /\n/);
    process.signal(ends);
  } else await feed(process, stdin);
  return await process.outcome();
}

/** Again, a few times, where the machine may have been too busy. */
async function inTime(
  { isTimed }: Try,
  status: number,
  attempt: () => Promise<Outcome>,
): Promise<Outcome> {
  let outcome = await attempt();
  for (let left = isTimed ? MOST_TRIES : 1; --left > 0;) {
    if (outcome.code === status) break;
    outcome = await attempt();
  }
  return outcome;
}

async function feed(process: Process, stdin: string = ""): Promise<void> {
  try {
    if (stdin !== "") await process.write(stdin);
    await process.closeStdin();
  } catch {
    // It has ended without reading that.
  }
}

/** The command of a line, by its whole name. */
function commandOf({ args }: Try): string {
  const [word = "", subword] = args.split(" ");
  const both = `${word} ${subword}`;
  return both in WALK ? both : word;
}
