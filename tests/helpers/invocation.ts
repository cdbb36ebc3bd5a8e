/** Runs a client's command as main.ts does, with its streams in memory. */

import { parseArguments } from "../../client/arguments.ts";
import type { Command, Invocation } from "../../client/command.ts";
import type { PromptInput } from "../../client/prompt.ts";
import { Output } from "../../client/output.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { within } from "./deadline.ts";
import { MemorySystem } from "./memory_output.ts";
import { TypedInput } from "./typed_input.ts";

export interface InvokeOptions {
  env?: Record<string, string>;
  stdin?: PromptInput;
}

/** An invocation of a command line, and the streams behind it. */
export function invocationOf(
  command: Command,
  argv: readonly string[],
  { env = {}, stdin = new TypedInput([], false) }: InvokeOptions = {},
): { invocation: Invocation; system: MemorySystem } {
  const { options, args } = parseArguments(command, argv);
  const system = new MemorySystem({ env });
  const output = new Output(system, options);
  const invocation = { options, args, output, stdin, env: system.env };
  return { invocation, system };
}

/** What a command came to. */
export interface Ran {
  stdout: string;
  stderr: string;
  /** What main.ts would report. */
  error: NetdiskError | undefined;
}

/** Runs a command to its end. Throws what is not a NetdiskError. */
export async function invoke(
  command: Command,
  argv: readonly string[],
  options: InvokeOptions = {},
): Promise<Ran> {
  const { invocation, system } = invocationOf(command, argv, options);
  let error: NetdiskError | undefined;
  try {
    await within(
      `netdisk ${command.name}`,
      (async () => {
        await command.run(invocation);
      })(),
    );
  } catch (thrown) {
    if (!(thrown instanceof NetdiskError)) throw thrown;
    error = thrown;
  }
  invocation.output.flush();
  return { stdout: system.stdout.text, stderr: system.stderr.text, error };
}
