/** Damage to a conversation: to its frames, its bytes, and how they arrive. */

import {
  FRAME_HEADER_BYTES,
  FrameKind,
  MAX_CONTROL_BYTES,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import type { Random } from "../../tests/helpers/random.ts";
import { trickJson } from "./json_tricks.ts";
import { control, join, payloadOf, type Step } from "./steps.ts";

/** A way to damage one frame; the number of the frame is chosen already. */
type Mutation = (steps: Step[], at: number, random: Random) => void;

const LENGTHS = [
  ...[0, 1, 4, MAX_CONTROL_BYTES_BEFORE_LOGIN, MAX_CONTROL_BYTES],
  ...[MAX_DATA_BYTES, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
];

const MUTATIONS: Record<string, Mutation> = {
  flip(steps, at, random) {
    change(steps, at, (bytes) => {
      for (let times = random.between(1, 4); times > 0; times--) {
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      }
      return bytes;
    });
  },
  replace(steps, at, random) {
    change(steps, at, (bytes) => {
      bytes[random.below(bytes.length)] = random.pick([
        ...[0, 0xff, 0x7f, 0x80, 0x22, 0x5c, 0x7b, random.below(256)],
      ]);
      return bytes;
    });
  },
  cut(steps, at, random) {
    change(steps, at, (bytes) => bytes.slice(0, random.below(bytes.length)));
    steps.length = at + 1;
  },
  insert(steps, at, random) {
    change(steps, at, (bytes) => {
      const place = random.below(bytes.length + 1);
      const noise = random.bytes(random.between(1, random.pick([1, 8, 200])));
      return join([bytes.slice(0, place), noise, bytes.slice(place)]);
    });
  },
  remove(steps, at, random) {
    change(steps, at, (bytes) => {
      const [from, to] = range(bytes, random);
      return join([bytes.slice(0, from), bytes.slice(to)]);
    });
  },
  double(steps, at, random) {
    change(steps, at, (bytes) => {
      const [from, to] = range(bytes, random);
      return join([bytes.slice(0, to), bytes.slice(from)]);
    });
  },
  length(steps, at, random) {
    change(steps, at, (bytes) => {
      if (bytes.length < FRAME_HEADER_BYTES) return bytes;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const near = view.getUint32(0) + random.pick([-1, 1]);
      const far = random.pick(LENGTHS) + random.pick([0, 1]);
      view.setUint32(0, random.once(2) ? near : far);
      return bytes;
    });
  },
  kind(steps, at, random) {
    change(steps, at, (bytes) => {
      if (bytes.length < FRAME_HEADER_BYTES) return bytes;
      bytes[4] = random.pick([0, 1, 2, 3, 0x16, 255]);
      return bytes;
    });
  },
  json(steps, at, random) {
    const step = steps[at]!;
    if (step.bytes[4] !== FrameKind.control) return;
    steps[at] = control(trickJson(payloadOf(step), random), step.waits);
  },
  repeat(steps, at, random) {
    const times = random.pick([1, 1, 1, 2, 50]);
    if (steps[at]!.bytes.length * times > 200_000) return;
    steps.splice(at, 0, ...Array<Step>(times).fill(steps[at]!));
  },
  drop(steps, at) {
    steps.splice(at, 1);
  },
  swap(steps, at, random) {
    const other = random.below(steps.length);
    [steps[at], steps[other]] = [steps[other]!, steps[at]!];
  },
  move(steps, at, random) {
    const [step] = steps.splice(at, 1);
    steps.splice(random.below(steps.length + 1), 0, step!);
  },
  rush(steps) {
    // The client does not wait where it should.
    for (const [at, step] of steps.entries()) {
      steps[at] = { ...step, waits: false };
    }
  },
};

const NAMES = Object.keys(MUTATIONS);

function change(
  steps: Step[],
  at: number,
  work: (bytes: Uint8Array) => Uint8Array,
): void {
  const { bytes, waits } = steps[at]!;
  // What another mutation left may be nothing.
  if (bytes.length > 0) steps[at] = { bytes: work(bytes.slice()), waits };
}

function range(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.below(bytes.length);
  return [from, Math.min(bytes.length, from + random.between(1, 40))];
}

/**
 * Damages a conversation in one to three ways.
 *
 * @param protectedSteps frames at its beginning that mostly stay as they are
 * @returns what was done, for whoever wants to know what happened
 */
export function mutate(
  steps: Step[],
  protectedSteps: number,
  random: Random,
): string[] {
  const done: string[] = [];
  for (let times = random.pick([1, 1, 1, 2, 3]); times > 0; times--) {
    if (steps.length === 0) break;
    const first = random.once(8)
      ? 0
      : Math.min(protectedSteps, steps.length - 1);
    const at = random.between(first, steps.length - 1);
    const name = random.once(3) ? "json" : random.pick(NAMES);
    MUTATIONS[name]!(steps, at, random);
    done.push(`${name} ${at}`);
  }
  return done;
}

/** The pieces in which a frame is written. */
export type Cutting = "whole" | "chunks" | "bytes";

/** How the conversation ends on the client's side. */
export type Ending = "half-close" | "abrupt" | "silent";

export function cutsOf(cutting: Cutting, bytes: Uint8Array, random: Random) {
  if (cutting === "whole" || bytes.length === 0) return [bytes];
  const isSlow = cutting === "bytes" && bytes.length <= 400;
  return random.split(bytes, isSlow ? 1 : Math.max(bytes.length >> 1, 1));
}
