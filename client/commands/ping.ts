/** `netdisk ping`: the round trip to the server. */

import type { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand, usageError } from "../command.ts";
import { Guest } from "../guest.ts";
import { onInterrupt } from "../interrupt.ts";
import { chooseServer } from "../server_choice.ts";

const DEFAULT_COUNT = 4;
const MAX_COUNT = 1_000_000;

/** Between two pings, in milliseconds. */
const INTERVAL_MS = 1000;

export const command = defineCommand({
  name: "ping",
  summary: "measure the round trip to the server",
  usage: ["ping [-c COUNT]"],
  examples: [
    { command: "netdisk ping -c 10" },
    { command: "netdisk ping --server disk.example.org" },
  ],
  description:
    "Sends requests to the server that do nothing, one a second, and prints how long each answer takes. " +
    "No session is needed.",
  options: [
    {
      name: "count",
      short: "c",
      value: "COUNT",
      description: `how many (default ${DEFAULT_COUNT})`,
    },
    {
      name: "interval",
      short: "i",
      value: "SECONDS",
      description: "seconds between two (default 1)",
    },
  ],
  args: [],
  exitStatus:
    "0 when every answer came, 5 when the server cannot be reached or stops answering.",
  async run(invocation) {
    const { options, output } = invocation;
    const count = positive("-c", options.count, DEFAULT_COUNT, MAX_COUNT);
    const pauseMs = interval(options.interval);
    const choice = chooseServer(invocation);
    using guest = new Guest(invocation, choice);
    const times: number[] = [];
    // Ctrl-C is how most pings end.
    using _interrupted = onInterrupt(() => summarise(times));
    try {
      for (let n = 1; n <= count; n++) {
        const connection = await guest.connection();
        const began = performance.now();
        await connection.call({ type: "ping" }, "pong");
        const ms = performance.now() - began;
        times.push(ms);
        output.record("ping", { n, ms: round(ms) });
        output.print(`answer ${n} from ${choice.address}: ${ms.toFixed(3)} ms`);
        output.flush();
        const left = Math.max(0, pauseMs - (performance.now() - began));
        if (n < count) await new Promise((done) => setTimeout(done, left));
      }
    } finally {
      summarise(times);
    }

    function summarise(times: number[]): void {
      if (times.length === 0) return;
      const min = times.reduce((a, b) => Math.min(a, b));
      const max = times.reduce((a, b) => Math.max(a, b));
      const avg = times.reduce((a, b) => a + b) / times.length;
      output.summarise({
        count: times.length,
        minMs: round(min),
        avgMs: round(avg),
        maxMs: round(max),
      });
      output.print(
        `${times.length} answers, min/avg/max ` +
          `${min.toFixed(3)}/${avg.toFixed(3)}/${max.toFixed(3)} ms`,
      );
    }
  },
});

function positive(
  option: string,
  text: string | undefined,
  fallback: number,
  max: number,
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw usage(`${option} takes a number from 1 to ${max}`);
}

function interval(text: string | undefined): number {
  if (text === undefined) return INTERVAL_MS;
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= 3600) return seconds * 1000;
  throw usage("-i takes seconds, at most 3600");
}

function usage(reason: string): NetdiskError {
  return usageError("ping", reason);
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
