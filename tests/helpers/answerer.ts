/**
 * Replies by UDP to whoever looks for servers on loopback, as honest servers and
 * forgers may. As a program it replies with each of its arguments, a JSON text
 * each, until it is ended.
 */

import {
  DISCOVERY_PORT,
  encodeReply,
  NONCE_BYTES,
  nonceOf,
} from "../../protocol/discovery.ts";

/** What is sent back to a question. */
export type Replies = (nonce: Uint8Array) => Uint8Array[];

/** A reply with this text, whatever that is. */
export function replyWith(nonce: Uint8Array, json: string): Uint8Array {
  const head = encodeReply(nonce, {
    name: "n",
    port: 1,
    plain: true,
    fingerprint: null,
    host: null,
    registration: "open",
    agent: "a",
  }).subarray(0, 9 + NONCE_BYTES);
  return Uint8Array.of(...head, ...new TextEncoder().encode(json));
}

/** Hears questions until it is disposed of. */
export class Answerer implements AsyncDisposable {
  readonly #socket: Deno.DatagramConn;
  readonly #ended: Promise<void>;
  /** Questions so far. */
  heard = 0;

  constructor(replies: Replies) {
    this.#socket = Deno.listenDatagram({
      transport: "udp",
      hostname: "0.0.0.0",
      port: DISCOVERY_PORT,
      reuseAddress: true,
    });
    this.#ended = this.#answer(replies);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#ended;
  }

  async #answer(replies: Replies): Promise<void> {
    for await (const [datagram, source] of this.#socket) {
      const nonce = nonceOf(datagram);
      if (!nonce) continue;
      this.heard++;
      for (const reply of replies(nonce)) {
        // The asker may have gone.
        await this.#socket.send(reply, source).catch(() => {});
      }
    }
  }
}

if (import.meta.main) {
  new Answerer((nonce) => Deno.args.map((json) => replyWith(nonce, json)));
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
}
