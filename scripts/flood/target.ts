/** The server that is flooded: the compiled one, with users whose tokens are known. */

import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { hashSecret, newSecret } from "../../server/secrets.ts";
import { until } from "../../tests/helpers/deadline.ts";
import { socketsOf } from "../../tests/helpers/descriptors.ts";
import { Client } from "../../tests/helpers/netdisk.ts";
import { Server } from "../../tests/helpers/server.ts";
import { readMemory, resetPeak } from "../bench/proc.ts";

/** The account that has a password. */
export const USER = "ann";

const DAY_MS = 24 * 3600 * 1000;

/** Longer than any deadline of the server. */
const GONE_MS = 150_000;

/** One server on a folder of its own. */
export class Target implements AsyncDisposable {
  readonly server: Server;
  /** One for each user. */
  readonly tokens: readonly string[];
  readonly certificate: string;
  #folder: string;
  #sockets: number;

  private constructor(server: Server, folder: string, tokens: string[]) {
    this.server = server;
    this.tokens = tokens;
    this.#folder = folder;
    this.#sockets = socketsOf(server.process.pid);
    const identity = join(server.root, ".netdisk", "identity.pem");
    const [pem = ""] = /-----BEGIN CERTIFICATE[^]*/.exec(
      Deno.readTextFileSync(identity),
    ) ?? [];
    this.certificate = pem;
  }

  /** Starts one with so many users, the first of them {@link USER}. */
  static async start(users = 1): Promise<Target> {
    const folder = Deno.makeTempDirSync({ prefix: "netdisk-flood-" });
    const homes = ["server", "client"].map((name) => join(folder, name));
    homes.forEach((home) => Deno.mkdirSync(home));
    const server = await Server.start(homes[0]!);
    const client = Client.at(homes[1]!);
    await client.register(USER, server.address);
    const tokens = addUsers(server.root, users);
    return new Target(server, folder, tokens);
  }

  get port(): number {
    return this.server.port;
  }

  /** Bytes of memory now. */
  get memory(): number {
    return readMemory(this.server.process.pid).now;
  }

  /** The most memory that it has while `work` is done. */
  async peakDuring(work: () => Promise<void>): Promise<number> {
    const { pid } = this.server.process;
    resetPeak(pid);
    await work();
    return readMemory(pid).peak;
  }

  /** Connections that the system knows, as long as nobody else has any. */
  get connections(): number {
    return socketsOf(this.server.process.pid) - this.#sockets;
  }

  /** Waits until it has let go of all of them; how many are left then. */
  async settled(): Promise<number> {
    const gone = () => this.connections <= 0;
    await until("no connections", gone, GONE_MS).catch(() => {});
    return this.connections;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Writes accounts and sessions as the server would, without hashing passwords. */
function addUsers(root: string, count: number): string[] {
  using database = new DatabaseSync(join(root, ".netdisk", "netdisk.db"));
  database.exec("PRAGMA busy_timeout = 5000");
  const tokens: string[] = [];
  const now = Date.now();
  for (let i = 0; i < count; i++) {
    const name = i === 0 ? USER : `user-${i}`;
    if (i > 0) {
      database.prepare(
        `INSERT INTO users (name, created, salt, hash, n, r, p)
         SELECT ?, created, salt, hash, n, r, p FROM users WHERE name = ?`,
      ).run(name, USER);
      Deno.mkdirSync(join(root, "users", name), { mode: 0o700 });
    }
    const token = newSecret(32);
    database.prepare(
      `INSERT INTO sessions
         (token_hash, user_id, created, last_used, expires, agent)
       SELECT ?, id, ?, ?, ?, 'flood' FROM users WHERE name = ?`,
    ).run(...[hashSecret(token), now, now, now + DAY_MS, name]);
    tokens.push(token);
  }
  return tokens;
}
