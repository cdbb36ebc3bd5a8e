/** The parts of `deno task fuzz` that need no server. */

import { assertEquals } from "@std/assert";
import { decodeRequest, REQUESTS } from "../../protocol/messages.ts";
import { anyRequest } from "../../scripts/fuzz/messages.ts";
import { mutate } from "../../scripts/fuzz/mutate.ts";
import { SESSIONS, stepsOf } from "../../scripts/fuzz/sessions.ts";
import { payloadOf } from "../../scripts/fuzz/steps.ts";
import { Random } from "../helpers/random.ts";

const TOKEN = "A".repeat(43);

/** What a seed makes of every conversation, many times. */
function damaged(seed: number): unknown[] {
  const random = new Random(seed);
  return Array.from({ length: 50 }, () =>
    SESSIONS.map((session) => {
      const steps = stepsOf(session, TOKEN);
      const done = mutate(steps, 2, random);
      return [done, steps.map(({ bytes }) => [bytes.length, bytes.at(-1)])];
    }));
}

Deno.test("a seed repeats its choices, another one makes others", () => {
  assertEquals(damaged(1), damaged(1));
  assertEquals(damaged(1).join() === damaged(2).join(), false);
});

Deno.test("damage is done to a copy: good conversations stay good", () => {
  damaged(3);
  for (const session of SESSIONS) {
    for (const step of stepsOf(session, TOKEN)) {
      if (step.bytes[4] === 1) decodeRequest(payloadOf(step));
    }
  }
});

Deno.test("every request of the protocol is found out and made, legally", () => {
  const random = new Random(5);
  const made = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    made.add(decodeRequest(anyRequest(random)).type);
  }
  const inSessions = SESSIONS.flatMap(({ steps }) => steps)
    .filter(({ bytes }) => bytes[4] === 1)
    .map((step) => decodeRequest(payloadOf(step)).type);
  const covered = new Set<string>([...made, ...inSessions]);
  // These hash passwords, which takes half a second each.
  const missing = Object.keys(REQUESTS).filter((type) => !covered.has(type));
  assertEquals(missing, ["register", "login", "passwd"]);
});
