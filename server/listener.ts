/**
 * The accept loop: connections in, sessions out, none of them waiting for
 * another. Drops peers that are over their deadline and ends all on request.
 */

import { FrameChannel } from "../protocol/channel.ts";
import { formatAddress } from "../protocol/link.ts";
import { Deadline } from "./deadlines.ts";
import { logEvent } from "./log.ts";
import { type Services, Session } from "./session.ts";
import type { Registration } from "./worker_messages.ts";

/** How often the deadlines are looked at, in milliseconds. */
const SWEEP_MS = 1000;

/** How long to wait when accepting fails, e.g. without free descriptors. */
const ACCEPT_RETRY_MS = 100;

type Connection = Deno.TcpConn | Deno.TlsConn;

/** A connection and what watches over it. */
interface Client {
  channel: FrameChannel;
  session: Session;
  deadline: Deadline;
  /** Resolves when the connection is closed. */
  ended: Promise<void>;
}

/** Accepts connections until it is stopped. */
export class ConnectionListener {
  #listener: Deno.Listener<Connection>;
  #services: Services;
  #registration: Registration;
  #clients = new Set<Client>();
  #sweeper: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(
    listener: Deno.Listener<Connection>,
    services: Services,
    registration: Registration,
  ) {
    this.#listener = listener;
    this.#services = services;
    this.#registration = registration;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Accepts until {@link stop}. Never throws: a failing accept is tried again. */
  async run(): Promise<void> {
    let failing = false;
    while (!this.#stopped) {
      try {
        this.#welcome(await this.#listener.accept());
        failing = false;
      } catch (error) {
        if (this.#stopped) return;
        // Out of descriptors: those who are here go on, and leave some free.
        if (!failing) logEvent("accept-failed", { reason: String(error) });
        failing = true;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  /**
   * Takes no more connections, ends the idle ones, gives the others `graceMs`
   * milliseconds for the request under way, and closes what is left.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#listener.close();
    for (const { session } of this.#clients) session.stop();
    const ended = Promise.all([...this.#clients].map((c) => c.ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([ended, grace]);
    clearTimeout(timer);
    clearInterval(this.#sweeper);
    for (const { channel } of this.#clients) channel.close();
  }

  #welcome(connection: Connection): void {
    const { hostname, port } = connection.remoteAddr as Deno.NetAddr;
    const channel = new FrameChannel(connection);
    const address = formatAddress(hostname, port);
    const session = new Session(channel, this.#services, {
      address,
      registration: this.#registration === "invite" && isLoopback(hostname)
        ? "open"
        : this.#registration,
    });
    const client: Client = {
      channel,
      session,
      deadline: new Deadline(performance.now()),
      ended: Promise.resolve(),
    };
    client.ended = this.#serve(connection, client, address);
    this.#clients.add(client);
  }

  async #serve(
    connection: Connection,
    client: Client,
    address: string,
  ): Promise<void> {
    try {
      if ("handshake" in connection) await connection.handshake();
      else connection.setNoDelay(true);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logEvent("handshake-failed", { peer: address, reason });
      client.channel.close();
      this.#clients.delete(client);
      return;
    }
    await client.session.run();
    this.#clients.delete(client);
  }

  #sweep(): void {
    const now = performance.now();
    for (const { channel, session, deadline } of this.#clients) {
      const { received, sent } = channel.traffic;
      const reason = deadline.check({
        loggedIn: session.loggedIn,
        idle: session.idle,
        waitsForPeer: channel.waitsForPeer && !session.committing,
        moved: received + sent,
      }, now);
      if (reason) session.drop(reason);
    }
  }
}

/** 127.0.0.0/8, ::1, and the former written as IPv6. */
function isLoopback(hostname: string): boolean {
  return hostname === "::1" || /^(::ffff:)?127\./.test(hostname);
}
