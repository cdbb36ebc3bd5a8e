/** The compiled server as a process, and what can be seen of it from outside. */

import { ENVIRONMENT, PROGRAM } from "../../tests/helpers/program.ts";
import { until, within } from "../../tests/helpers/deadline.ts";
import type { Dialled } from "../../tests/helpers/dial.ts";

const LOG_LINE =
  /^\d{4}-\d\d-\d\dT[\d:.]+Z ([a-z-]+)( [a-z]+=("([^"\\]|\\.)*"|\S+))*$/;
const READY = / on \S+:(\d+) \((TLS|plain)\)/;

/** Lines of the log that are shown when something went wrong. */
const MAX_LAST_LINES = 20;

/** What a process takes of the machine. */
export interface Usage {
  /** Resident memory without that of files, such as the program itself, in MiB. */
  memory: number;
  descriptors: number;
}

export class Target implements Dialled, AsyncDisposable {
  readonly root: string;
  port = 0;
  isPlain = true;
  /** Log lines that must not be: internal errors, stack traces. */
  readonly badLines: string[] = [];
  readonly lastLines: string[] = [];
  #child: Deno.ChildProcess;
  #isRunning = true;
  #following: Promise<unknown>;
  #ready = Promise.withResolvers<void>();

  private constructor(home: string, args: string[]) {
    this.root = `${home}/disk`;
    const [command, ...rest] = PROGRAM;
    this.#child = new Deno.Command(command!, {
      args: [
        ...[...rest, "serve", "--root", this.root],
        ...["--listen", "127.0.0.1:0", "--registration", "open"],
        ...["--no-discovery", ...args],
      ],
      env: { ...ENVIRONMENT, HOME: home },
      clearEnv: true,
      cwd: home,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#following = Promise.all([
      this.#follow(this.#child.stdout, (line) => {
        const [, port, mode] = READY.exec(line) ?? [];
        if (port === undefined) return;
        this.port = Number(port);
        this.isPlain = mode === "plain";
        this.#ready.resolve();
      }),
      this.#follow(this.#child.stderr, (line) => this.#judge(line)),
      this.#child.status.then(() => this.#isRunning = false),
    ]);
  }

  /** Starts one whose root is `disk` in `home`. */
  static async start(home: string, args: string[]): Promise<Target> {
    const target = new Target(home, args);
    try {
      await within("the server's start", target.#ready.promise);
      return target;
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  usage(): Usage {
    const proc = `/proc/${this.#child.pid}`;
    const [, kib] = /^RssAnon:\s+(\d+) kB/m.exec(
      Deno.readTextFileSync(`${proc}/status`),
    ) ?? [];
    return {
      memory: Number(kib) / 1024,
      descriptors: [...Deno.readDirSync(`${proc}/fd`)].length,
    };
  }

  /** The least memory in `seconds` without load: V8 collects when it likes. */
  async calmUsage(seconds: number): Promise<Usage> {
    let least = this.usage();
    for (let i = 0; i < 4 * seconds; i++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      const now = this.usage();
      least = {
        memory: Math.min(least.memory, now.memory),
        descriptors: Math.min(least.descriptors, now.descriptors),
      };
    }
    return least;
  }

  /** Waits until no more than so many descriptors are open, and says how many are. */
  async descriptorsBelow(limit: number): Promise<number> {
    await until("descriptors to be closed", () => {
      return this.usage().descriptors <= limit;
    }, 30_000).catch(() => {});
    return this.usage().descriptors;
  }

  /** Ends it as an admin would; its status. */
  async stop(): Promise<number | string> {
    if (this.#isRunning) this.#child.kill("SIGTERM");
    const { code, signal } = await within("its end", this.#child.status);
    await this.#following;
    return signal ?? code;
  }

  #judge(line: string): void {
    this.lastLines.push(line);
    if (this.lastLines.length > MAX_LAST_LINES) this.lastLines.shift();
    const event = LOG_LINE.exec(line)?.[1];
    if (event === undefined || event === "internal-error") {
      this.badLines.push(line);
    }
  }

  async #follow(
    stream: ReadableStream<Uint8Array>,
    tell: (line: string) => void,
  ): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true }))
        .split("\n");
      rest = lines.pop()!;
      lines.forEach(tell);
    }
    if (rest) tell(rest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isRunning) this.#child.kill("SIGKILL");
    await this.#following;
  }
}
