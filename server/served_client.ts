/** A connection that was accepted: its session, its deadlines, its end. */

import { FrameChannel } from "../protocol/channel.ts";
import { formatAddress } from "../protocol/link.ts";
import { isLoopback } from "./address.ts";
import type { ClientLog } from "./client_log.ts";
import type { Admission } from "./connection_guard.ts";
import { type ConnectionState, Deadline } from "./deadlines.ts";
import type { EvictableConnection } from "./evictable.ts";
import type { Services } from "./login.ts";
import type { Transfer } from "./report.ts";
import { Session } from "./session.ts";
import { type Traffic, TransferRate } from "./transfer_rate.ts";
import type { Registration } from "./worker_messages.ts";

/** What a client is served with. */
export interface ClientOptions {
  remote: { hostname: string; port: number };
  admission: Admission;
  log: ClientLog;
  services: Services;
  registration: Registration;
  now: number;
  /** Bytes a second that transfers have to come to. */
  minRate: number;
}

/** One client, from its handshake on. */
export class ServedClient {
  /** `HOST:PORT` */
  readonly address: string;
  /** Resolves when the connection is closed. */
  ended: Promise<void> = Promise.resolve();
  #connection: EvictableConnection;
  #channel: FrameChannel;
  #session: Session;
  #deadline: Deadline;
  /** Of a transfer only: idle connections are many, and have to be small. */
  #rate: TransferRate | undefined;
  /** There is nobody to talk to yet. */
  #isShakingHands = true;
  /** Why it was closed during the handshake. */
  #reason: string | undefined;

  constructor(connection: EvictableConnection, options: ClientOptions) {
    const { remote: { hostname, port }, registration } = options;
    const { admission, log } = options;
    this.address = formatAddress(hostname, port);
    this.#connection = connection;
    this.#channel = new FrameChannel(connection);
    this.#session = new Session(this.#channel, options.services, {
      address: this.address,
      registration: registration === "invite" && isLoopback(hostname)
        ? "open"
        : registration,
      admitUser: (user) => admission.admitUser(user),
      log: (user, event, fields) => log.note(user, event, fields),
    });
    this.#deadline = new Deadline(options.now, options.minRate);
  }

  /** Bytes over the connection so far. */
  get traffic(): Traffic {
    return this.#channel.traffic;
  }

  /** The transfer under way. */
  get transfer(): Transfer | undefined {
    const { user, direction } = this.#session;
    if (user === undefined || direction === undefined) return undefined;
    const way = direction === "put" ? "received" : "sent";
    const bytes = this.traffic[way];
    const rate = Math.round(this.#rate?.rate[way] ?? 0);
    return { user, direction, bytes, rate };
  }

  /** Serves it to its end. @throws Error when the handshake fails, and why */
  async serve(): Promise<void> {
    try {
      await this.#connection.handshake();
    } catch (cause) {
      this.#channel.close();
      throw this.#reason === undefined ? cause : new Error(this.#reason);
    }
    this.#isShakingHands = false;
    await this.#session.run();
  }

  /** Ends it if its peer has taken too long. */
  look(now: number): void {
    const state = this.#state();
    if (this.#session.direction === undefined) this.#rate = undefined;
    else if (this.#rate) this.#rate.look(this.traffic, now);
    else this.#rate = new TransferRate(this.traffic, now);
    const reason = this.#deadline.check(state, now);
    if (reason === undefined) {
      const asks = state.phase === "idle" && !this.#channel.isSending;
      if (asks && this.#deadline.isPingDue(now)) this.#session.ping();
    } else if (this.#isShakingHands) this.#refuse(reason);
    else this.#session.drop(reason);
  }

  /** Ends it after the request under way. */
  stop(): void {
    if (this.#isShakingHands) this.#refuse("the server is stopping");
    else this.#session.stop();
  }

  /** Ends it at once. */
  close(): void {
    this.#channel.close();
  }

  /** Ends a handshake, which then fails. */
  #refuse(reason: string): void {
    this.#reason = reason;
    this.#channel.close();
  }

  #state(): ConnectionState {
    const channel = this.#channel;
    const session = this.#session;
    const { upload } = session;
    return {
      phase: this.#isShakingHands
        ? "handshake"
        : !session.loggedIn
        ? "stranger"
        : !session.idle
        ? "transfer"
        : channel.holdsMore
        ? "request"
        : "idle",
      // While we compare or write we are listening, but wait for nobody.
      waitsForPeer: channel.waitsForPeer && !session.committing &&
        upload?.stage !== "comparing",
      ...channel.traffic,
      waitingBytes: session.waitingBytes,
      comparing: upload?.stage === "offered" ? upload.offset : undefined,
      isPipeDry: upload !== undefined && upload.isPipe && !channel.holdsMore,
    };
  }
}
