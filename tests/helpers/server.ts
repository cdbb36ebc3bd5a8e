/** `netdisk serve` as a process, on a free port of 127.0.0.1. */

import { filesBelow } from "./files_below.ts";
import { join } from "@std/path";
import { Client, type RunOptions } from "./netdisk.ts";
import { until } from "./deadline.ts";
import type { Outcome, Process } from "./process.ts";

const READY =
  /^netdisk \S+ serving .+ on (\S+) \((TLS|plain)\)\n.*\n.*--server '(\S+)'/m;

/** What a server is started with. */
export interface ServeOptions extends Omit<RunOptions, "stdin"> {
  /** Lets others find it, also tests that run at the same time. @default false */
  discovery?: boolean;
  /** @default 127.0.0.1:0 */
  listen?: string;
  /** @default `disk` in its home */
  root?: string;
}

/** A server that is ready. `await using` kills it if it still runs. */
export class Server implements AsyncDisposable {
  readonly process: Process;
  /** The storage root. */
  readonly root: string;
  /** `HOST:PORT` */
  readonly address: string;
  readonly port: number;
  readonly isPlain: boolean;
  /** The netdisk:// link that it printed. */
  readonly link: string;

  private constructor(process: Process, root: string, ready: string[]) {
    const [, address = "", mode, link = ""] = ready;
    this.process = process;
    this.root = root;
    this.address = address;
    this.port = Number(/\d+$/.exec(address));
    this.isPlain = mode === "plain";
    this.link = link;
  }

  /** Starts one and waits until it is ready. `home` exists. */
  static async start(
    home: string,
    args: readonly string[] = [],
    options: ServeOptions = {},
  ): Promise<Server> {
    const root = options.root ?? join(home, "disk");
    const listen = options.listen ?? "127.0.0.1:0";
    const hidden = options.discovery ? [] : ["--no-discovery"];
    const process = Client.at(home).start(
      ["serve", "--root", root, "--listen", listen, ...hidden, ...args],
      options,
    );
    try {
      const ready = await process.says("stdout", READY);
      return new Server(process, root, ready);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** All log lines so far. */
  get log(): string {
    return this.process.stderr();
  }

  /** Waits for a log line. */
  async logs(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.process.says("stderr", pattern);
  }

  /** The place of a user's file on the disk. */
  file(user: string, name = "."): string {
    return join(this.root, "users", user, name);
  }

  /** Names of unfinished uploads. */
  uploads(): string[] {
    const folder = join(this.root, ".netdisk", "uploads");
    return filesBelow(folder);
  }

  /** Waits until so many bytes of unfinished uploads are on the disk. */
  async holdsPartial(bytes: number): Promise<void> {
    await until(`a partial upload of ${bytes} bytes`, () => {
      const sizes = this.uploads().map((name) => this.#partialSize(name));
      return sizes.reduce((sum, size) => sum + size, 0) >= bytes;
    });
  }

  #partialSize(name: string): number {
    try {
      return Deno.statSync(join(this.root, ".netdisk", "uploads", name)).size;
    } catch {
      // Finished or given up meanwhile.
      return 0;
    }
  }

  /** Waits until no unfinished upload is left. */
  async noPartial(): Promise<void> {
    await until("no partial upload", () => this.uploads().length === 0);
  }

  /** Ends it as an admin would. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Outcome> {
    this.process.signal(signal);
    return await this.process.outcome();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}
