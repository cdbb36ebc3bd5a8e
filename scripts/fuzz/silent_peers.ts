/**
 * Clients that say a part of something and then nothing: those that have not
 * logged in must be gone in time, and the others cost nobody anything.
 */

import { within } from "../../tests/helpers/deadline.ts";
import type { Dialled, Peer } from "../../tests/helpers/dial.ts";
import { type Account, register } from "./account.ts";
import { connect } from "./conversation.ts";
import { greeting, type Step } from "./steps.ts";

/** SPEC.md 9: from accepting the connection to a session. */
const LOGIN_MS = 20_000;
/** The server looks once a second, and the machine may be busy. */
const SPARE_MS = 5000;

const MOST = 8;

interface SilentPeer {
  peer: Peer;
  /** It has not logged in, and must be ended. */
  isStranger: boolean;
  since: number;
  end: Promise<unknown>;
}

export class SilentPeers implements AsyncDisposable {
  #target: Dialled;
  #account: Account;
  #peers: SilentPeer[] = [];
  #added = 0;

  private constructor(target: Dialled, account: Account) {
    this.#target = target;
    this.#account = account;
  }

  static async open(target: Dialled): Promise<SilentPeers> {
    return new SilentPeers(target, await register(target, "silent"));
  }

  /** False while as many as there may be are still silent. */
  get hasRoom(): boolean {
    return this.#peers.length < MOST;
  }

  /**
   * Connects and sends, under an account of their own: an upload that they hold
   * would keep others waiting, as it should.
   *
   * @returns the frames that were sent
   */
  async add(steps: readonly Step[]): Promise<number> {
    const isStranger = this.#added % 2 === 0;
    const peer = await connect(this.#target);
    const [hello, authenticate] = greeting(this.#account.token);
    const sent = isStranger
      ? [hello!, { ...authenticate!, bytes: authenticate!.bytes.slice(0, 40) }]
      : [hello!, authenticate!, ...steps.slice(2, 4)];
    try {
      for (const { bytes } of sent) await peer.sendRaw(bytes);
    } catch {
      // What was damaged has ended it.
    }
    const since = performance.now();
    this.#peers.push({ peer, isStranger, since, end: peer.rest() });
    this.#added++;
    return sent.length;
  }

  /** Waits for those that must be ended, ends the others. @returns what was wrong */
  async end(): Promise<string[]> {
    const faults = await Promise.all(this.#peers.splice(0).map(endOf));
    return faults.filter((it) => it !== undefined);
  }

  /** Ends all of them, without waiting for the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { peer } of this.#peers) peer.close();
    await Promise.all(this.#peers.map(({ end }) => end.catch(() => {})));
  }
}

async function endOf(silent: SilentPeer): Promise<string | undefined> {
  const { peer, isStranger, since, end } = silent;
  try {
    if (!isStranger) return undefined;
    const left = since + LOGIN_MS + SPARE_MS - performance.now();
    await within("the end of a silent stranger", end, Math.max(left, 1));
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    peer.close();
    await end.catch(() => {});
  }
}
