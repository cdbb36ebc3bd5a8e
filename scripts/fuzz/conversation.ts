/** Plays a conversation over a connection, and judges the server's side of it. */

import { NetdiskError, ProtocolError } from "../../protocol/errors.ts";
import { until, within } from "../../tests/helpers/deadline.ts";
import { dial, type Dialled, Peer } from "../../tests/helpers/dial.ts";
import type { Random } from "../../tests/helpers/random.ts";
import { cutsOf, type Cutting } from "./mutate.ts";
import type { Pulse } from "./pulse.ts";
import type { Step } from "./steps.ts";

/** No answer may come later, in milliseconds. */
const MAX_ANSWER_MS = 2000;

/** How long a client waits for an answer that may not be due: its frame was damaged. */
const WAIT_MS = 100;

/** Far beyond every deadline: only a hang lasts longer. */
const HANG_MS = 30_000;

/** What came of a conversation. */
export interface Played {
  /** Frames, or what was left of them, that were sent. */
  frames: number;
  answers: number;
  /** The codes of the errors that came. */
  errors: string[];
  /** The longest wait for the next answer or the end, in milliseconds. */
  worstMs: number;
  /** What the server did that it must not. */
  faults: string[];
}

export interface Delivery {
  pulse: Pulse;
  cutting: Cutting;
  /** It ends with answers that nobody has read: a reset. */
  isAbrupt: boolean;
  random: Random;
}

/** Connects; small writes leave at once, or pieces would arrive together. */
export async function connect(target: Dialled): Promise<Peer> {
  if (!target.isPlain) return await dial(target);
  const { port } = target;
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  socket.setNoDelay(true);
  return new Peer(socket);
}

/** Sends all steps, and reads until the server ends the connection. */
export async function play(
  target: Dialled,
  steps: readonly Step[],
  delivery: Delivery,
): Promise<Played> {
  const played: Played = {
    ...{ frames: 0, answers: 0, errors: [], worstMs: 0, faults: [] },
  };
  using peer = await connect(target);
  const clock = { since: performance.now() };
  const reading = delivery.isAbrupt
    ? undefined
    : listen(peer, played, { clock, pulse: delivery.pulse });
  for (const { bytes, waits } of steps) {
    const before = played.answers;
    if (!await send(peer, cutsOf(delivery.cutting, bytes, delivery.random))) {
      break;
    }
    played.frames++;
    clock.since = performance.now();
    if (!waits || !reading) continue;
    await until("an answer", () => played.answers > before, WAIT_MS)
      .catch(() => {});
  }
  if (!reading) return played;
  clock.since = performance.now();
  await peer.end().catch(() => {});
  try {
    await within("the end", reading, HANG_MS);
  } catch (error) {
    played.faults.push(String(error));
  }
  return played;
}

/** False when the server has closed already. */
async function send(peer: Peer, pieces: Uint8Array[]): Promise<boolean> {
  try {
    for (const piece of pieces) await peer.sendRaw(piece);
    return true;
  } catch {
    return false;
  }
}

/** Reads answers up to the end, however that comes. */
async function listen(
  peer: Peer,
  played: Played,
  { clock, pulse }: { clock: { since: number }; pulse: Pulse },
): Promise<void> {
  for (;;) {
    let answer;
    try {
      answer = await peer.next();
    } catch (error) {
      if (isEnd(error)) answer = null;
      else {
        played.faults.push(`an answer breaks the rules: ${error}`);
        return;
      }
    }
    const now = performance.now();
    const waited = now - clock.since;
    clock.since = now;
    played.worstMs = Math.max(played.worstMs, waited);
    const fault = latenessOf("an answer", waited, pulse, now);
    if (fault) played.faults.push(fault);
    if (answer === null) return;
    played.answers++;
    if (answer instanceof Uint8Array || answer.type !== "error") continue;
    played.errors.push(answer.code);
    if (answer.code === "internal") played.faults.push("an internal error");
  }
}

/** What is wrong with a wait that has just ended, if it is the server's fault. */
export function latenessOf(
  what: string,
  waitedMs: number,
  pulse: Pulse,
  now: number,
): string | undefined {
  const stalledMs = pulse.stalledSince(now - waitedMs);
  if (waitedMs - stalledMs <= MAX_ANSWER_MS) return undefined;
  const [waited, stalled] = [waitedMs, stalledMs].map(Math.round);
  return `${what} came after ${waited} ms (the machine stalled for ${stalled})`;
}

/** A server that closes while bytes are on their way resets. */
function isEnd(error: unknown): boolean {
  return error instanceof NetdiskError && !(error instanceof ProtocolError) &&
    error.code === "connection-lost";
}
