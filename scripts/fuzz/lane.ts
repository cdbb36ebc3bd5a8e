/** One attacker: an account, and one conversation after the other. */

import type { Request } from "../../protocol/messages.ts";
import type { Dialled } from "../../tests/helpers/dial.ts";
import { Random } from "../../tests/helpers/random.ts";
import { type Account, logIn, register } from "./account.ts";
import { connect, play, type Played } from "./conversation.ts";
import { anyRequest, VECTOR_PAYLOADS, VECTOR_STREAMS } from "./messages.ts";
import { type Cutting, type Ending, mutate } from "./mutate.ts";
import type { Pulse } from "./pulse.ts";
import { SESSIONS, stepsOf } from "./sessions.ts";
import { control, greeting, say, type Step } from "./steps.ts";

/** After so many conversations all that the account has gathered is removed. */
const TIDY_EVERY = 200;

/** Frames of a greeting: hello, authenticate. */
const GREETING = 2;

/** A conversation as it is sent. */
export interface Attempt {
  /** What it was before, and what was done to it: for the report. */
  name: string;
  steps: Step[];
  cutting: Cutting;
  ending: Ending;
}

export class Lane {
  readonly name: string;
  readonly random: Random;
  /** Conversations so far. */
  count = 0;
  #target: Dialled;
  #account: Account;
  #accounts = 1;

  private constructor(
    target: Dialled,
    name: string,
    account: Account,
    random: Random,
  ) {
    this.#target = target;
    this.name = name;
    this.#account = account;
    this.random = random;
  }

  /** @param name a legal user name, with some room behind it */
  static async open(
    target: Dialled,
    name: string,
    seed: number,
  ): Promise<Lane> {
    const account = await register(target, name);
    return new Lane(target, name, account, new Random(seed));
  }

  /** The next conversation; to be played before the next is asked for. */
  async next(): Promise<Attempt> {
    this.count++;
    if (this.count % TIDY_EVERY === 0) await this.#tidy();
    const { random } = this;
    const { name, steps, mayStay } = this.#choose();
    const isDamaged = !mayStay || random.once(2);
    const done = isDamaged ? mutate(steps, GREETING, random) : [];
    const cutting = random.pick(
      ["whole", "whole", "whole", "chunks", "chunks", "bytes"] as const,
    );
    const ending = random.once(12)
      ? "abrupt"
      : random.once(20)
      ? "silent"
      : "half-close";
    const words = [`${this.name} ${this.count}: ${name}`, ...done];
    const how = [...words, cutting, ending].join(", ");
    return { name: how, steps, cutting, ending };
  }

  /** To be told what came of it: a session may have ended. */
  async heard({ errors }: Played): Promise<void> {
    if (!errors.includes("unauthenticated")) return;
    using peer = await connect(this.#target);
    if (await logIn(peer, this.#account) === undefined) return;
    const user = `${this.name}-${++this.#accounts}`;
    this.#account = await register(this.#target, user);
  }

  /** Plays all good conversations as they are. @throws Error for one that is not */
  async rehearse(pulse: Pulse): Promise<number> {
    let frames = 0;
    for (const session of SESSIONS) {
      const steps = stepsOf(session, this.#account.token);
      const { random } = this;
      const delivery = { cutting: "whole", isAbrupt: false, pulse } as const;
      const played = await play(this.#target, steps, { ...delivery, random });
      // One that is meant to be interrupted is told so.
      const isCutOff = session.name === "an interrupted put";
      const wrong = [...played.errors, ...played.faults];
      if (wrong.length > 0 && !isCutOff) {
        throw new Error(`${session.name}: ${wrong.join(", ")}`);
      }
      frames += played.frames;
    }
    await this.heard({ errors: ["unauthenticated"] } as Played);
    return frames;
  }

  #choose(): { name: string; steps: Step[]; mayStay: boolean } {
    const { random } = this;
    const { token } = this.#account;
    const kind = random.below(20);
    if (kind < 11) {
      const session = pickSession(random);
      const steps = stepsOf(session, token);
      return { name: session.name, steps, mayStay: false };
    }
    if (kind < 16) {
      const steps = greeting(token);
      for (let times = random.between(1, 6); times > 0; times--) {
        steps.push(control(anyRequest(random)));
      }
      return { name: "any requests", steps, mayStay: true };
    }
    const before = random.once(3) ? [] : greeting(token);
    if (kind < 19) {
      const steps = [...before, control(random.pick(VECTOR_PAYLOADS))];
      steps.push(say({ type: "ping" }));
      return { name: "a vector", steps, mayStay: true };
    }
    const bytes = random.pick(VECTOR_STREAMS);
    const steps = [...before, { bytes, waits: false }];
    return { name: "a vector of frames", steps, mayStay: true };
  }

  /** Removes all that the account has: listings must not grow for ever. */
  async #tidy(): Promise<void> {
    using peer = await connect(this.#target);
    await logIn(peer, this.#account);
    await peer.send({ type: "list", path: "" });
    const names: string[] = [];
    for (let more = true; more;) {
      const page = await peer.answer("entries");
      names.push(...page.entries.map(({ name }) => name));
      more = page.more;
    }
    for (const path of names) {
      const remove: Request = { type: "remove", path, recursive: true };
      await peer.ask(remove, "ok");
    }
  }
}

function pickSession(random: Random) {
  const total = SESSIONS.reduce((sum, { weight }) => sum + weight, 0);
  let at = random.next() / 2 ** 32 * total;
  return SESSIONS.find(({ weight }) => (at -= weight) < 0) ?? SESSIONS[0]!;
}
