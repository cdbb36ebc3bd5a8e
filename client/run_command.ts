/** Runs a command on the server that its remote paths name, if they name one. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Command, Invocation } from "./command.ts";
import {
  explainDoubt,
  questionOf,
  resolveRemoteNames,
} from "./remote_names.ts";
import { placeWords } from "./same_place.ts";
import { knownServers } from "./server_choice.ts";

/** @throws what the command throws, and NetdiskError `usage` for names that do not fit */
export async function runCommand(
  command: Command,
  invocation: Invocation,
): Promise<void> {
  const { options, args, doubt } = resolveRemoteNames(
    command,
    invocation,
    () => knownServers(invocation),
  );
  // Those of the server's own commands mean something else.
  if (!command.standalone) invocation.output.place = placeWords(options);
  try {
    await command.run({ ...invocation, options, args });
  } catch (error) {
    // Options that commands share are read without knowing for which one.
    const named = command.standalone ? error : withTopic(error, command.name);
    throw doubt === undefined ? named : explainDoubt(named, doubt);
  }
  const question = doubt && questionOf(doubt);
  // It may have been made by that name just now.
  if (question) invocation.output.notice(question);
}

/** The error with the help of the command in the place of the whole one. */
function withTopic(error: unknown, topic: string): unknown {
  if (!(error instanceof NetdiskError) || error.hint !== "netdisk help") {
    return error;
  }
  const { code, message } = error;
  return new NetdiskError(code, message, {
    hint: `netdisk help ${topic}`,
    cause: error,
  });
}
