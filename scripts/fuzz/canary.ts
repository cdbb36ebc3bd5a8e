/** A good client that works all the time, and measures how long it is made to wait. */

import type { Dialled, Peer } from "../../tests/helpers/dial.ts";
import { Random } from "../../tests/helpers/random.ts";
import { connect, latenessOf } from "./conversation.ts";
import type { Account } from "./account.ts";
import { logIn } from "./account.ts";
import type { Pulse } from "./pulse.ts";

/** Between two rounds: it is to be served, not to be a load. */
const PAUSE_MS = 20;

export class Canary implements AsyncDisposable {
  rounds = 0;
  worstMs = 0;
  #faults: string[] = [];
  #target: Dialled;
  #account: Account;
  #pulse: Pulse;
  #isOver = false;
  #running: Promise<void>;

  constructor(target: Dialled, account: Account, pulse: Pulse) {
    this.#pulse = pulse;
    this.#target = target;
    this.#account = account;
    this.#running = this.#run();
  }

  /** Ends after the round under way. @returns what was wrong */
  async end(): Promise<string[]> {
    this.#isOver = true;
    await this.#running;
    return this.#faults.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #run(): Promise<void> {
    const random = new Random(1);
    let peer: Peer | undefined;
    try {
      peer = await connect(this.#target);
      await logIn(peer, this.#account);
      await peer.ask(
        { type: "mkdir", path: "canary", parents: true, mtime: null },
        "ok",
      );
      while (!this.#isOver) {
        await this.#round(peer, random.bytes(4096));
        this.rounds++;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    } catch (error) {
      this.#faults.push(`another client is not served: ${error}`);
    } finally {
      peer?.close();
    }
  }

  async #round(peer: Peer, content: Uint8Array): Promise<void> {
    await this.#time("ping", () => peer.ask({ type: "ping" }, "pong"));
    await this.#time(
      "ls",
      () => peer.ask({ type: "list", path: "canary" }, "entries"),
    );
    await this.#time("put", async () => {
      await peer.sendPut("canary/file", content);
      await peer.answer("receipt");
    });
    const got = await this.#time("get", () => peer.get("canary/file"));
    if (got.some((byte, at) => byte !== content[at])) {
      throw new Error("its file is not what it has put");
    }
  }

  async #time<T>(what: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    this.worstMs = Math.max(this.worstMs, ms);
    const name = `another client's ${what}`;
    const fault = latenessOf(name, ms, this.#pulse, start + ms);
    if (fault) this.#faults.push(fault);
    return result;
  }
}
