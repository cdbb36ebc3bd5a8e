// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Whether the time of a failed login tells that there is such a user. Both kinds
 * take turns against the compiled server, with passwords hashed at full cost.
 *
 *     deno run -A scripts/login_times.ts
 *
 * Status 1 when the answers differ, or the medians by more than 3 %.
 */
import { join } from "@std/path";
import { dial } from "../tests/helpers/dial.ts";
import { Client } from "../tests/helpers/netdisk.ts";
import { Server } from "../tests/helpers/server.ts";
import { tempFolder } from "../tests/helpers/temp_folder.ts";
import { HELLO, type TestClient } from "../tests/helpers/test_client.ts";
import { median } from "./bench/report.ts";

/** Three attempts with each name stay below every limit of login_guard.ts. */
const NAMES = 15;
const ATTEMPTS = 3;
const MAX_DIFFERENCE = 0.03;

interface Samples {
  ms: number[];
  answers: Set<string>;
}

async function main(): Promise<number> {
  using folder = tempFolder();
  await using server = await Server.start(folder.path);
  const client = Client.at(join(folder.path, "client"));
  const known: Samples = { ms: [], answers: new Set() };
  const unknown: Samples = { ms: [], answers: new Set() };
  for (let n = 0; n < NAMES; n++) {
    await client.register(`known${n}`, server.address);
  }
  for (let n = 0; n < NAMES; n++) {
    using one = await dial(server);
    using other = await dial(server);
    for (const peer of [one, other]) await peer.ask(HELLO, "hello");
    for (let turn = 0; turn < ATTEMPTS; turn++) {
      const first = () => guess(one, `known${n}`, known);
      const second = () => guess(other, `other${n}`, unknown);
      // Neither kind is always behind the other.
      if ((n + turn) % 2 === 0) await first().then(second);
      else await second().then(first);
    }
  }
  const [a, b] = [median(known.ms), median(unknown.ms)];
  const difference = Math.abs(a - b) / Math.min(a, b);
  console.log(`known users:   ${describe(known.ms)}`);
  console.log(`unknown users: ${describe(unknown.ms)}`);
  console.log(`difference:    ${(100 * difference).toFixed(2)} %`);
  const answers = new Set([...known.answers, ...unknown.answers]);
  console.log(`answers:       ${[...answers].join("\n               ")}`);
  return answers.size === 1 && difference <= MAX_DIFFERENCE ? 0 : 1;
}

async function guess(
  peer: TestClient,
  user: string,
  { ms, answers }: Samples,
): Promise<void> {
  const began = performance.now();
  await peer.send({ type: "login", user, password: "not the password" });
  const answer = await peer.answer("error");
  ms.push(performance.now() - began);
  answers.add(JSON.stringify(answer));
}

/** The median, and the quartiles as a measure of how quiet the machine is. */
function describe(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.floor(part * (sorted.length - 1))]!.toFixed(1);
  return `median ${median(ms).toFixed(1)} ms of ${ms.length}, ` +
    `half of them ${at(0.25)} to ${at(0.75)}`;
}

if (import.meta.main) Deno.exit(await main());
