/** The real program as processes of somebody with a home of their own. */

import { dirname, join } from "@std/path";
import { type Outcome, Process } from "./process.ts";
import { ENVIRONMENT, PROGRAM } from "./program.ts";

/** Everybody's. */
export const PASSWORD = "correct horse";

/** What a process is given beyond its arguments. */
export interface RunOptions {
  /** All of standard input. @default none */
  stdin?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  /** Another user to run as; for root only. */
  uid?: number;
  /** A command that runs the command line which follows it, such as `nsenter`. */
  via?: readonly string[];
}

/** Somebody with a home folder, in which config and work lie. */
export class Client {
  readonly home: string;
  readonly config: string;
  /** Where commands run and relative paths lead. */
  readonly work: string;

  private constructor(home: string) {
    this.home = home;
    this.config = join(home, "config");
    this.work = join(home, "work");
    Deno.mkdirSync(this.work, { recursive: true });
  }

  /** One whose home is an existing folder, with the sessions of another one. */
  static at(home: string, like?: Client): Client {
    const client = new Client(home);
    if (like) client.copyConfig(like);
    return client;
  }

  /** Has from now on what the other one remembers. */
  copyConfig(like: Client): void {
    const name = "servers.json";
    Deno.mkdirSync(this.config, { mode: 0o700, recursive: true });
    Deno.copyFileSync(join(like.config, name), join(this.config, name));
  }

  /** Runs `netdisk` to its end. */
  async run(
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<Outcome> {
    const { stdin = "", ...rest } = options;
    const bytes = typeof stdin === "string"
      ? new TextEncoder().encode(stdin)
      : stdin;
    await using process = this.#process(args, rest, { bytes });
    return await process.outcome();
  }

  /** Makes an account at a server and logs in. @throws Error */
  async register(
    user: string,
    address: string,
    ...options: string[]
  ): Promise<void> {
    const args = ["register", user, "--server", address, "--password-stdin"];
    const { code, stderr } = await this.run([...args, ...options], {
      stdin: PASSWORD,
    });
    if (code !== 0) throw new Error(`cannot register: ${stderr}`);
  }

  /** Starts `netdisk`, its input open; to be disposed of by the caller. */
  start(
    args: readonly string[],
    options: Omit<RunOptions, "stdin"> = {},
  ): Process {
    return this.#process(args, options, "piped");
  }

  #process(
    args: readonly string[],
    { env, cwd = this.work, uid, via = [] }: RunOptions,
    stdin: "piped" | { bytes: Uint8Array },
  ): Process {
    return new Process([...via, ...PROGRAM, ...args], {
      cwd,
      env: { ...this.environment(), ...env },
      stdin,
      ...(uid === undefined ? {} : { uid }),
    });
  }

  /** All that a process of this client knows of the world. */
  environment(): Record<string, string> {
    return {
      ...ENVIRONMENT,
      HOME: this.home,
      NETDISK_CONFIG_DIR: this.config,
    };
  }

  /** Takes one address for another one of the same server. */
  readdress(from: string, to: string): void {
    const path = join(this.config, "servers.json");
    const config = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, config.replaceAll(from, to));
  }

  /** The secret of its only session. */
  token(): string {
    const config = Deno.readTextFileSync(join(this.config, "servers.json"));
    return JSON.parse(config).servers[0].sessions[0].token;
  }

  path(name: string): string {
    return join(this.work, name);
  }

  /** Writes a file below the work folder and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    return path;
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** The names in the work folder, sorted. */
  names(folder = "."): string[] {
    return [...Deno.readDirSync(this.path(folder))].map(({ name }) => name)
      .sort();
  }
}
