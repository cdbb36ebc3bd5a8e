/**
 * The accept loop: connections in, sessions out, none of them waiting for
 * another. Drops peers that are over their deadline and ends all on request.
 */

import { FrameChannel } from "../protocol/channel.ts";
import { formatAddress } from "../protocol/link.ts";
import { Deadline } from "./deadlines.ts";
import { logEvent } from "./log.ts";
import type { Services } from "./login.ts";
import { Session } from "./session.ts";
import type { Registration } from "./worker_messages.ts";

/** How often the deadlines are looked at, in milliseconds. */
const SWEEP_MS = 1000;

/** How long to wait when accepting fails, e.g. without free descriptors. */
const ACCEPT_RETRY_MS = 100;

/** How long a session that is cut off may take to clean up. */
const CLEANUP_MS = 1000;

type Connection = Deno.TcpConn | Deno.TlsConn;

/** A connection and what watches over it. */
interface Client {
  channel: FrameChannel;
  session: Session;
  deadline: Deadline;
  /** The TLS handshake is under way: there is nobody to talk to yet. */
  isNew: boolean;
  /** Why its connection was closed during the handshake. */
  reason: string | undefined;
  /** Resolves when the connection is closed. */
  ended: Promise<void>;
}

export interface ListenerOptions {
  /** A clock in milliseconds. Default `performance.now`. */
  now?: () => number;
  /** How often the deadlines are looked at. Default 1 s. */
  sweepMs?: number;
}

/** Accepts connections until it is stopped. */
export class ConnectionListener {
  #listener: Deno.Listener<Connection>;
  #services: Services;
  #registration: Registration;
  #now: () => number;
  #clients = new Set<Client>();
  #sweeper: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(
    listener: Deno.Listener<Connection>,
    services: Services,
    registration: Registration,
    options: ListenerOptions = {},
  ) {
    this.#listener = listener;
    this.#now = options.now ?? (() => performance.now());
    this.#services = services;
    this.#registration = registration;
    const sweepMs = options.sweepMs ?? SWEEP_MS;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
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
    for (const client of this.#clients) {
      if (client.isNew) close(client, "the server is stopping");
      else client.session.stop();
    }
    await this.#ended(graceMs);
    clearInterval(this.#sweeper);
    for (const { channel } of this.#clients) channel.close();
    // Uploads that were cut off close their files.
    await this.#ended(CLEANUP_MS);
  }

  /** Waits until no client is left, but not for longer than `ms`. */
  async #ended(ms: number): Promise<void> {
    const ended = Promise.all([...this.#clients].map((c) => c.ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([ended, limit]);
    clearTimeout(timer);
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
      deadline: new Deadline(this.#now()),
      isNew: true,
      reason: undefined,
      ended: Promise.resolve(),
    };
    this.#clients.add(client);
    client.ended = this.#serve(connection, client, address);
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
      const reason = client.reason ??
        (error instanceof Error ? error.message : String(error));
      logEvent("handshake-failed", { peer: address, reason });
      client.channel.close();
      this.#clients.delete(client);
      return;
    }
    client.isNew = false;
    await client.session.run();
    this.#clients.delete(client);
  }

  #sweep(): void {
    const now = this.#now();
    for (const client of this.#clients) {
      const { channel, session, deadline } = client;
      const { received, sent } = channel.traffic;
      const reason = deadline.check({
        loggedIn: session.loggedIn,
        idle: session.idle,
        waitsForPeer: channel.waitsForPeer && !session.committing,
        moved: received + sent,
      }, now);
      if (!reason) continue;
      if (client.isNew) close(client, reason);
      else session.drop(reason);
    }
  }
}

/** Ends a handshake, which then fails. */
function close(client: Client, reason: string): void {
  client.reason = reason;
  client.channel.close();
}

/** 127.0.0.0/8, ::1, and the former written as IPv6. */
function isLoopback(hostname: string): boolean {
  return hostname === "::1" || /^(::ffff:)?127\./.test(hostname);
}
