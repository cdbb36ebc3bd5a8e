/**
 * A program on a terminal of its own (util-linux `script`), with standard
 * output in a file where the terminal is to show only the rest.
 */

import { join } from "@std/path";
import { until } from "./deadline.ts";
import type { Client } from "./netdisk.ts";
import { type Outcome, Process } from "./process.ts";
import { PROGRAM } from "./program.ts";
import { Screen } from "./screen.ts";

/** Tests that need one are ignored elsewhere. */
export const hasTerminal = Deno.build.os === "linux";

export interface TerminalOptions {
  /** @default 80 */
  columns?: number;
  env?: Record<string, string>;
  /** A command that runs the command line which follows it, such as `nsenter`. */
  via?: readonly string[];
  /** Standard output goes to the terminal as well. @default false */
  showsStdout?: boolean;
}

let terminals = 0;

/** `netdisk` on a terminal. `await using` kills it if it still runs. */
export class Terminal implements AsyncDisposable {
  readonly screen: Screen;
  readonly #process: Process;
  readonly #folder: string;
  #shown = 0;

  constructor(
    client: Client,
    args: readonly string[],
    options: TerminalOptions = {},
  ) {
    const { columns = 80, env = {}, via = [], showsStdout = false } = options;
    this.screen = new Screen(columns);
    this.#folder = join(client.home, `terminal-${++terminals}`);
    Deno.mkdirSync(this.#folder);
    const program = [...via, ...PROGRAM, ...args].map(quote).join(" ");
    const redirection = showsStdout ? "" : ` >${quote(this.#file("stdout"))}`;
    const line =
      `stty rows 24 cols ${columns}; tty >${quote(this.#file("tty"))}; ` +
      `exec ${program}${redirection}`;
    this.#process = new Process(["script", "-qec", line, "/dev/null"], {
      cwd: client.work,
      env: {
        ...client.environment(),
        TERM: "xterm",
        SHELL: "/bin/sh",
        ...env,
      },
      stdin: "piped",
    });
  }

  /** Waits until the program has written something to the terminal. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const match = await this.#process.says("stdout", pattern);
    this.#draw();
    return match;
  }

  /** Waits until the last line of the screen is like that. */
  async showsLine(pattern: RegExp): Promise<RegExpExecArray> {
    return await until(`a line ${pattern} on the screen`, () => {
      this.#draw();
      return pattern.exec(this.screen.line) ?? undefined;
    }).catch((error) => {
      throw new Error(`${error.message}\n${this.screen.text}`);
    });
  }

  /** Types on its keyboard. */
  async types(text: string): Promise<void> {
    await this.#process.write(text);
  }

  /** Makes the window another width. */
  async resize(columns: number): Promise<void> {
    const tty = Deno.readTextFileSync(this.#file("tty")).trim();
    // A line for the new width may come before stty has ended.
    this.screen.widen(columns);
    const { success } = await new Deno.Command("stty", {
      args: ["-F", tty, "cols", `${columns}`],
    }).output();
    if (!success) throw new Error(`cannot resize ${tty}`);
    this.#draw();
    this.screen.resize(columns);
  }

  /** How it ended; stderr is all that the terminal got. */
  async outcome(ms?: number): Promise<Outcome> {
    const { code, stdout } = await this.#process.outcome(ms);
    this.#draw();
    return { code, stdout: this.#stdout(), stderr: stdout };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  /** Brings the screen up to date. */
  #draw(): void {
    const all = this.#process.stdout();
    this.screen.write(all.slice(this.#shown));
    this.#shown = all.length;
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #stdout(): string {
    try {
      return Deno.readTextFileSync(this.#file("stdout"));
    } catch {
      return "";
    }
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
