/** Some rounds of what `deno task torture` does for as long as one likes. */

import { assert, assertEquals } from "@std/assert";
import { torture } from "./torture.ts";

const ROUNDS = 50;

Deno.test(`${ROUNDS} random kills under 8 writers lose and tear nothing`, async () => {
  const seed = Deno.pid;
  const found = await torture({ rounds: ROUNDS, seed });
  const { rounds, lost, torn, acknowledged } = found;
  assertEquals({ lost, torn }, { lost: [], torn: [] }, `seed ${seed}`);
  assertEquals(rounds, ROUNDS);
  assert(acknowledged > ROUNDS, `only ${acknowledged} puts`);
});
