/**
 * A program with netdisk's main() and commands made for tests: what the screen, the
 * keyboard, pipes and signals do to it can be seen without a server. The tests run
 * it from source, or compiled if NETDISK_TEST_DRIVER names a binary of it.
 */

import { defineCommand } from "../../client/command.ts";
import { onInterrupt } from "../../client/interrupt.ts";
import { readPassword } from "../../client/password.ts";
import {
  loadProgress,
  Progress,
  progressStyle,
} from "../../client/progress.ts";
import { confirm } from "../../client/prompt.ts";
import type { CommandEntry } from "../../client/command_list.ts";
import { denoSystem, main } from "../../main.ts";
import { NetdiskError } from "../../protocol/errors.ts";

const HELP = {
  summary: "for tests",
  examples: [],
  description: "",
  exitStatus: "",
};

/** A piece of an endless pattern with many line ends, and with long stretches of none. */
export function patternedBytes(start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = start + i;
    bytes[i] = at % 20_000 < 10_000 ? (at * 7 + (at >> 8)) & 0xff : 0x61;
  }
  return bytes;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const password = defineCommand({
  ...HELP,
  name: "password",
  usage: ["password"],
  options: [
    { name: "password-stdin", description: "" },
    { name: "password-file", value: "FILE", description: "" },
    { name: "twice", description: "" },
  ],
  args: [],
  async run(invocation) {
    const { options, output } = invocation;
    const password = await readPassword({
      stdin: options.passwordStdin,
      file: options.passwordFile,
      prompt: "Password",
      confirm: options.twice,
    }, invocation);
    output.print(`password=${JSON.stringify(password)}`);
  },
});

const ask = defineCommand({
  ...HELP,
  name: "ask",
  usage: ["ask"],
  options: [],
  args: [],
  async run(invocation) {
    invocation.output.print(`answer=${await confirm("Sure?", invocation)}`);
  },
});

/** Moves a file that does not exist, at one step of a hundredth each `--pause` ms. */
const move = defineCommand({
  ...HELP,
  name: "move",
  usage: ["move NAME"],
  options: [
    { name: "size", value: "BYTES", description: "" },
    { name: "steps", value: "N", description: "" },
    { name: "pause", value: "MS", description: "" },
    { name: "open", description: "the size is not known" },
    { name: "talk", description: "notices and lines in between" },
    { name: "until-killed", description: "" },
    { name: "phase", value: "TEXT", description: "" },
  ],
  args: [{ name: "NAME" }],
  async run({ options, args, output }) {
    const size = Number(options.size ?? 50 * 1024 * 1024);
    const steps = Number(options.steps ?? 100);
    const pause = Number(options.pause ?? 20);
    const style = progressStyle(options.progress, output);
    await loadProgress(options.progress, output);
    const total = options.open ? undefined : size;
    using progress = new Progress({ name: args[0]!, total }, { output, style });
    progress.phase(options.phase);
    for (let step = 0; step < steps; step++) {
      progress.add(size / steps);
      await sleep(pause);
      if (options.talk && step % 10 === 5) {
        output.notice(`notice ${step}`);
        output.print(`line ${step}`);
      }
    }
    if (options.untilKilled) await sleep(1e9);
    progress.finish();
  },
});

const lines = defineCommand({
  ...HELP,
  name: "lines",
  usage: ["lines COUNT"],
  options: [],
  args: [{ name: "COUNT" }],
  async run({ args, output }) {
    for (let i = 1; i <= Number(args[0]); i++) {
      await Promise.resolve();
      output.record("line", { i });
      output.print(`line ${i} %s %d of many that are not short`);
    }
  },
});

const bytes = defineCommand({
  ...HELP,
  name: "bytes",
  usage: ["bytes COUNT"],
  options: [],
  args: [{ name: "COUNT" }],
  async run({ args, output }) {
    const size = Number(args[0]);
    for (let done = 0; done < size;) {
      const buffer = patternedBytes(done, Math.min(100_000, size - done));
      await output.write(buffer);
      done += buffer.length;
    }
  },
});

const fails = defineCommand({
  ...HELP,
  name: "fails",
  usage: ["fails HOW"],
  options: [],
  args: [{ name: "HOW" }],
  async run({ args, output }) {
    switch (args[0]) {
      case "bug":
        throw new TypeError("x is not\n\x1b[31ma function");
      case "unseen":
        void Promise.reject(new TypeError("nobody awaits this"));
        return await sleep(1e9);
      case "missing":
        throw new NetdiskError("not-found", "report\x1b.pdf: no such file", {
          hint: "netdisk ls",
        });
      case "partial":
        output.summarise({ files: 2 });
        output.failure(new NetdiskError("not-found", "a: no such file"), {
          path: "a",
        });
        throw new NetdiskError("partial", "1 of 2 files failed");
    }
  },
});

/** Waits with a file that must not stay behind. */
const hold = defineCommand({
  ...HELP,
  name: "hold",
  usage: ["hold FILE [PIPE]"],
  options: [],
  args: [{ name: "FILE" }, { name: "PIPE", optional: true }],
  async run({ args, output }) {
    const [path = "", pipe] = args;
    Deno.writeTextFileSync(path, "");
    using _ = onInterrupt(() => {
      Deno.removeSync(path);
      output.notice("removed");
      // As a disk that does not answer: nobody ever writes into it.
      if (pipe !== undefined) Deno.readTextFileSync(pipe);
    });
    output.print("holding");
    await sleep(1e9);
  },
});

const COMMANDS: CommandEntry[] = [
  password,
  ask,
  move,
  lines,
  bytes,
  fails,
  hold,
].map((command) => ({
  name: command.name,
  load: () => Promise.resolve(command),
}));

if (import.meta.main) {
  Deno.exit(await main(Deno.args, denoSystem(Deno.args), COMMANDS));
}
