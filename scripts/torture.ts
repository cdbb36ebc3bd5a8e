// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Kills a server under 8 writers again and again, and looks each time whether
 * every acknowledged file is there and whole. Status 1 when one is not.
 *
 *     deno task torture                        50 rounds
 *     deno task torture --rounds 1000          more
 *     deno task torture --seed 7               the choices of another run
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Tally, torture } from "../tests/crash/torture.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const DEFAULT_ROUNDS = 50;

async function main(): Promise<number> {
  const signal = abortOnSignals();
  try {
    const { rounds, seed } = readOptions(Deno.args);
    console.log(`torture: ${rounds} rounds, seed ${seed}`);
    const isTerminal = Deno.stdout.isTerminal();
    const every = isTerminal ? 1 : Math.max(Math.floor(rounds / 20), 1);
    const found = await torture({
      ...{ rounds, seed, signal },
      onRound(tally) {
        if (tally.rounds % every !== 0) return;
        console.log(`torture: ${describe(tally)}`);
      },
    });
    for (const line of found.torn) console.error(`torture: torn: ${line}`);
    for (const line of found.lost) console.error(`torture: lost: ${line}`);
    console.log(`torture: ${describe(found)}, seed ${seed}`);
    return found.torn.length + found.lost.length === 0 ? 0 : 1;
  } catch (failure) {
    // Ctrl-C ends the server too, and with it the round.
    const error = signal.aborted ? signal.reason : failure;
    console.error(`torture: error: ${messageOf(error)}`);
    return exitStatusOf(error);
  }
}

function describe(tally: Tally): string {
  return [
    ...[`${tally.rounds} rounds`, `${tally.kills} kills`],
    ...[`${tally.acknowledged} puts acknowledged`],
    ...[`${tally.resumed} resumed`, `${tally.checked} files checked`],
    ...[`${tally.torn.length} torn`, `${tally.lost.length} lost`],
  ].join(", ");
}

function readOptions(args: string[]): { rounds: number; seed: number } {
  const { rounds, seed, _: rest, ...others } = parseArgs(args, {
    string: ["rounds", "seed"],
    boolean: [],
  });
  const unknown = [...rest.map(String), ...Object.keys(others)];
  if (unknown.length > 0) throw new Error(`unknown argument: ${unknown[0]}`);
  return {
    rounds: readNumber("rounds", rounds) ?? DEFAULT_ROUNDS,
    seed: readNumber("seed", seed) ?? Date.now() % 2 ** 31,
  };
}

function readNumber(name: string, text?: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name}: '${text}' is not a whole number`);
}

if (import.meta.main) Deno.exit(await main());
