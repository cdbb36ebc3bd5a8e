/**
 * An interactive shell on a terminal of its own, with netdisk's completions. The
 * `netdisk` in its PATH answers completions; for anything else it writes down
 * what it was called with: that is how a shell has understood a completed line.
 */

import { join } from "@std/path";
import { until } from "./deadline.ts";
import type { Client } from "./netdisk.ts";
import { Process } from "./process.ts";
import { PROGRAM } from "./program.ts";

/** How each is started without anybody's own configuration, and told of completions. */
const SHELLS = {
  bash: {
    argv: "bash --norc --noprofile -i",
    setup: 'PS1="ready> "; eval "$(netdisk completions bash)"',
  },
  zsh: {
    argv: "zsh -f -i",
    setup: 'PS1="ready> "; netdisk completions zsh >$HOME/_netdisk; ' +
      "fpath=($HOME $fpath); autoload -Uz compinit; compinit -u -D",
  },
  fish: {
    argv: "fish --no-config -i",
    setup: "function fish_prompt; echo -n 'ready> '; end; " +
      "netdisk completions fish | source",
  },
} as const;

export type ShellName = keyof typeof SHELLS;

/** One shell. `await using` kills it. */
export class Shell implements AsyncDisposable {
  readonly #process: Process;
  readonly #record: string;

  private constructor(process: Process, record: string) {
    this.#process = process;
    this.#record = record;
  }

  /** Starts a shell in the client's work folder. */
  static async start(name: ShellName, client: Client): Promise<Shell> {
    const bin = join(client.home, "bin");
    const record = join(client.home, "called");
    Deno.mkdirSync(bin, { recursive: true });
    const program = PROGRAM.map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(
      join(bin, "netdisk"),
      `#!/bin/sh
case $1 in
  completions) exec ${program} "$@" ;;
  complete)
    # Says nothing at all when it was too late, as on a machine that is busy.
    for attempt in 1 2 3 4 5 6 7 8 9; do
      answer=$(${program} "$@")
      if [ -n "$answer" ]; then break; fi
    done
    printf '%s\\n' "$answer"
    exit
    ;;
esac
printf '%s\\0' "$@" >'${record}.new'
mv '${record}.new' '${record}'
`,
      { mode: 0o755 },
    );
    const env = client.environment();
    const process = new Process(
      ["script", "-qec", SHELLS[name].argv, "/dev/null"],
      {
        cwd: client.work,
        env: {
          ...env,
          PATH: `${bin}:${env["PATH"] ?? Deno.env.get("PATH")}`,
          TERM: "dumb",
          LC_ALL: "C.UTF-8",
          SHELL: "/bin/sh",
        },
        stdin: "piped",
      },
    );
    const shell = new Shell(process, record);
    await process.write(`${SHELLS[name].setup}\r`);
    // Not the echo of what was typed.
    await process.says("stdout", /^(.*\r)?ready> /m);
    return shell;
  }

  /** Types a line, the Tab key as `\t`, and tells what netdisk was then called with. */
  async calls(line: string): Promise<string[]> {
    await this.#process.write(`${line}\r`);
    return await until(`netdisk is called by ${JSON.stringify(line)}`, () => {
      try {
        const text = Deno.readTextFileSync(this.#record);
        Deno.removeSync(this.#record);
        return text.split("\0").slice(0, -1);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    }).catch((error) => {
      throw new Error(`${error.message}\n${this.#process.stdout()}`);
    });
  }

  /** Everything on the terminal so far. */
  get text(): string {
    return this.#process.stdout();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
