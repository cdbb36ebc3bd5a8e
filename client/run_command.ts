/** Runs a command on the server that its remote paths name, if they name one. */

import type { Command, Invocation } from "./command.ts";
import { explainDoubt, resolveRemoteNames } from "./remote_names.ts";
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
    throw doubt === undefined ? error : explainDoubt(error, doubt);
  }
  if (doubt?.guess === undefined) return;
  // It may have been made by that name just now.
  invocation.output.notice(
    `${doubt.value} was taken for a plain name; did you mean ${doubt.guess}?`,
  );
}
