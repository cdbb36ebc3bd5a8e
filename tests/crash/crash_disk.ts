/**
 * A server that a test kills and starts again on the same root, and clients
 * with a session there whom each start tells the new address.
 */

import { join } from "@std/path";
import { assertEquals } from "@std/assert";
import { dialAs, type Peer } from "../helpers/dial.ts";
import { Client } from "../helpers/netdisk.ts";
import { type ServeOptions, Server } from "../helpers/server.ts";
import { assertDatabase, noLeftovers } from "./recovery.ts";

/** The command that puts, and does not try again when the connection is lost. */
export const PUT_ONCE: readonly string[] = ["put", "--retries", "0"];

export interface CrashDiskOptions extends Pick<ServeOptions, "via" | "root"> {
  /** Further options of `netdisk serve`. */
  args?: readonly string[];
  /** The storage root as this process sees it. @default root */
  seenRoot?: string;
  /** Who has an account. @default ann */
  users?: readonly string[];
}

export class CrashDisk implements AsyncDisposable {
  /** A folder for whatever a test needs, removed at the end. */
  readonly folder: string;
  /** The storage root as this process sees it. */
  readonly root: string;
  #options: CrashDiskOptions;
  #clients = new Map<string, Client>();
  #server: Server | undefined;

  private constructor(folder: string, options: CrashDiskOptions) {
    this.folder = folder;
    this.#options = { root: join(folder, "disk"), ...options };
    this.root = options.seenRoot ?? this.#options.root!;
  }

  /** Starts a server with its accounts. */
  static async make(options: CrashDiskOptions = {}): Promise<CrashDisk> {
    const folder = Deno.makeTempDirSync({ prefix: "netdisk-crash-" });
    const disk = new CrashDisk(folder, options);
    try {
      await disk.start();
      for (const user of options.users ?? ["ann"]) await disk.#register(user);
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  get server(): Server {
    return this.#server!;
  }

  /** Somebody with an account. */
  client(user = "ann"): Client {
    return this.#clients.get(user)!;
  }

  /** Somebody new, who has no session. */
  stranger(): Client {
    return Client.at(Deno.makeTempDirSync({ dir: this.folder }));
  }

  /** The place of a user's file on the disk, as this process sees it. */
  file(user: string, name = "."): string {
    return join(this.root, "users", user, name);
  }

  /** A connection of somebody's with an account. */
  async dial(user = "ann"): Promise<Peer> {
    const { port, isPlain } = this.server;
    const server = { port, isPlain, root: this.root };
    return await dialAs(server, this.client(user));
  }

  async start(): Promise<void> {
    const { args = [], via, root } = this.#options;
    const from = this.#server?.address;
    this.#server = await Server.start(this.folder, args, {
      root: root!,
      ...(via ? { via } : {}),
    });
    if (from === undefined) return;
    for (const client of this.#clients.values()) {
      client.readdress(from, this.#server.address);
    }
  }

  /** Kills the server, if nothing has yet. */
  async kill(): Promise<void> {
    const { code } = await this.#server!.stop("SIGKILL");
    assertEquals(code, "SIGKILL");
  }

  /** After a kill: looks at the database, starts the server, waits for it to tidy up. */
  async recover(): Promise<void> {
    assertDatabase(this.root);
    await this.start();
    await noLeftovers(this.root);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #register(user: string): Promise<void> {
    const home = join(this.folder, user);
    Deno.mkdirSync(home);
    const client = Client.at(home);
    await client.register(user, this.server.link);
    this.#clients.set(user, client);
  }
}
