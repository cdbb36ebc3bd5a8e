/**
 * One server and one account for all tests of a file: hashing a password takes
 * half a second on purpose. Every test gets clients of its own.
 */

import { dirname, join } from "@std/path";
import type { Gate } from "./gate.ts";
import { Client } from "./netdisk.ts";
import { type ServeOptions, Server } from "./server.ts";

/** What the tests of a file share. */
export class Disk {
  /** The account that every {@link client} is logged in to. */
  readonly user = "ann";
  #folder: string | undefined;
  #server: Server | undefined;
  #registered: Client | undefined;
  #clients = 0;

  get server(): Server {
    if (!this.#server) throw new Error("the server has not been started");
    return this.#server;
  }

  /** A new client with a session. */
  client(): Client {
    return Client.at(this.folder("client"), this.#registered);
  }

  /** A new client with a session, whose connections all pass a gate. */
  clientBehind(gate: Gate): Client {
    const client = this.client();
    client.readdress(this.server.address, gate.address);
    return client;
  }

  /** A new client that knows nothing. */
  stranger(): Client {
    return Client.at(this.folder("stranger"));
  }

  /** Puts a file into the user's folder, as an admin might, and returns its path. */
  store(name: string, content: string | Uint8Array): string {
    const path = this.server.file(this.user, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    return path;
  }

  /** A new folder, removed at the end. */
  folder(name: string): string {
    const path = join(this.#folder!, `${name}-${++this.#clients}`);
    Deno.mkdirSync(path);
    return path;
  }

  async start(args: readonly string[], options: ServeOptions): Promise<void> {
    this.#folder = Deno.makeTempDirSync({ prefix: "netdisk-e2e-" });
    // For tests that run something as another user, whoever runs the tests.
    Deno.umask(0o022);
    Deno.chmodSync(this.#folder, 0o755);
    const home = this.folder("server");
    this.#server = await Server.start(home, args, options);
    const client = this.stranger();
    const plain = args.includes("--plain") ? ["--plain"] : [];
    await client.register(this.user, this.#server.address, ...plain);
    this.#registered = client;
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    if (this.#folder) await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts a server before the first test of the file and ends it after the last. */
export function sharedDisk(
  args: readonly string[] = [],
  options: ServeOptions = {},
): Disk {
  const disk = new Disk();
  Deno.test.beforeAll(() => disk.start(args, options));
  Deno.test.afterAll(() => disk.stop());
  return disk;
}
