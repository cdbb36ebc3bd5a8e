// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Floods a server from this machine, and tells what it costs and how it fares.
 * Takes a few minutes. Status 1 when a bar is missed.
 *
 *     deno task flood
 *     deno task flood --only strangers,logins
 *     deno task flood --crowd 200 --unread 50 --idle 1000 --logins 100
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type Figure,
  floodOfIdle,
  floodOfLogins,
  floodOfStrangers,
  floodOfUnread,
  type Sizes,
} from "./flood/floods.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const FLOODS = {
  strangers: floodOfStrangers,
  logins: floodOfLogins,
  unread: floodOfUnread,
  idle: floodOfIdle,
} as const;
type FloodName = keyof typeof FLOODS;

const SIZES: Sizes = { crowd: 2000, unread: 500, idle: 10_000, logins: 500 };

async function main(): Promise<number> {
  const signal = abortOnSignals();
  try {
    const { only, sizes } = readOptions(Deno.args);
    let isMet = true;
    for (const name of only) {
      const began = performance.now();
      for (const figure of await FLOODS[name](sizes, signal)) {
        isMet &&= figure.met !== false;
        console.log(describe(figure));
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(`flood: ${name} took ${seconds} s`);
    }
    return isMet ? 0 : 1;
  } catch (failure) {
    const error = signal.aborted ? signal.reason : failure;
    console.error(`flood: error: ${messageOf(error)}`);
    return exitStatusOf(error);
  }
}

function describe({ what, measured, bar, met }: Figure): string {
  const verdict = met === undefined ? "" : met ? "met" : "MISSED";
  return `${what.padEnd(66)} ${measured.padEnd(34)} ${
    (bar ?? "").padEnd(28)
  } ${verdict}`.trimEnd();
}

function readOptions(
  args: string[],
): { only: readonly FloodName[]; sizes: Sizes } {
  const names = Object.keys(SIZES) as (keyof Sizes)[];
  const { only, _: rest, ...others } = parseArgs(args, {
    string: ["only", ...names],
    boolean: [],
  });
  const sizes = { ...SIZES };
  for (const name of names) {
    const text = others[name];
    if (text !== undefined) sizes[name] = readNumber(name, text);
  }
  const unknown = [
    ...rest.map(String),
    ...Object.keys(others).filter((name) => !(name in SIZES)),
  ];
  if (unknown.length > 0) throw new Error(`unknown argument: ${unknown[0]}`);
  return { only: readNames(only), sizes };
}

function readNames(text?: string): readonly FloodName[] {
  const all = Object.keys(FLOODS) as FloodName[];
  if (text === undefined) return all;
  const names = text.split(",") as FloodName[];
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  throw new Error(`--only: '${unknown}' is none of ${all.join(", ")}`);
}

function readNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Error(`--${name}: '${text}' is not a number from 1 to 99999`);
}

if (import.meta.main) Deno.exit(await main());
