/**
 * The accept loop: connections in, sessions out, none of them waiting for
 * another. Takes no more of them than the guard allows, looks after the deadlines,
 * and ends all on request.
 */

import { formatAddress } from "../protocol/link.ts";
import {
  type Admission,
  ConnectionGuard,
  guardLimits,
} from "./connection_guard.ts";
import { DEFAULT_MAX_CONNECTIONS } from "./connection_limits.ts";
import { DEFAULT_MIN_RATE } from "./deadlines.ts";
import { ClientLog } from "./client_log.ts";
import { EvictableConnection } from "./evictable.ts";
import { Evictions, type EvictPeers } from "./evictions.ts";
import type { Services } from "./login.ts";
import { type Activity, MAX_TRANSFERS, type Transfer } from "./report.ts";
import { ServedClient } from "./served_client.ts";
import type { Registration } from "./worker_messages.ts";

/** How often the deadlines are looked at, in milliseconds. */
const SWEEP_MS = 1000;

/** How long to wait when accepting fails, e.g. without free descriptors. */
const ACCEPT_RETRY_MS = 100;

/** How long a session that is cut off may take to clean up. */
const CLEANUP_MS = 1000;

type Connection = Deno.TcpConn | Deno.TlsConn;

export interface ListenerOptions {
  /** Default: one for {@link DEFAULT_MAX_CONNECTIONS}. */
  guard?: ConnectionGuard;
  /** Bytes a second that transfers have to come to. Default 1 KiB. */
  minRate?: number;
  /** Ends connections that `close()` does not end. Default: nobody can. */
  evict?: EvictPeers | undefined;
  /** A clock in milliseconds. Default `performance.now`. */
  now?: () => number;
  /** How often the deadlines are looked at. Default 1 s. */
  sweepMs?: number;
  /** How long to wait when accepting fails. Default 100 ms. */
  retryMs?: number;
}

/** Accepts connections until it is stopped. */
export class ConnectionListener {
  #listener: Deno.Listener<Connection>;
  #services: Services;
  #registration: Registration;
  #guard: ConnectionGuard;
  #minRate: number;
  #evictions: Evictions;
  #now: () => number;
  #clients = new Set<ServedClient>();
  #log: ClientLog;
  #retryMs: number;
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
    this.#log = new ClientLog(this.#now);
    this.#services = services;
    this.#registration = registration;
    this.#guard = options.guard ??
      new ConnectionGuard(guardLimits(DEFAULT_MAX_CONNECTIONS));
    this.#minRate = options.minRate ?? DEFAULT_MIN_RATE;
    this.#evictions = new Evictions(options.evict);
    this.#retryMs = options.retryMs ?? ACCEPT_RETRY_MS;
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
        // Whoever comes and goes at the limit makes it fail again and again.
        const reason = String(error);
        if (!failing) this.#log.note(undefined, "accept-failed", { reason });
        failing = true;
        await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
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
    for (const client of this.#clients) client.stop();
    await this.#ended(graceMs);
    clearInterval(this.#sweeper);
    for (const client of this.#clients) client.close();
    // Uploads that were cut off close their files.
    await this.#ended(CLEANUP_MS);
    await this.#evictions.settle();
    this.#log.flush();
  }

  /** What its connections are doing. */
  activity(): Activity {
    const transfers: Transfer[] = [];
    let received = 0;
    let sent = 0;
    for (const client of this.#clients) {
      received += client.traffic.received;
      sent += client.traffic.sent;
      const transfer = client.transfer;
      if (transfer) transfers.push(transfer);
    }
    const { total, strangers } = this.#guard;
    const putting = transfers.filter((t) => t.direction === "put").length;
    transfers.sort((a, b) => b.rate - a.rate);
    return {
      loggedIn: total - strangers,
      strangers,
      putting,
      getting: transfers.length - putting,
      transfers: transfers.slice(0, MAX_TRANSFERS),
      received,
      sent,
    };
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
    const { counters } = this.#services;
    const remote = connection.remoteAddr as Deno.NetAddr;
    const evictable = new EvictableConnection(connection, this.#evictions);
    const admission = this.#guard.admit(remote.hostname);
    if (typeof admission === "string") {
      const peer = formatAddress(remote.hostname, remote.port);
      counters.connectionsRefused++;
      this.#log.note(undefined, "refused", { peer, reason: admission });
      evictable.refuse();
      return;
    }
    counters.connectionsAccepted++;
    const client = new ServedClient(evictable, {
      remote,
      admission,
      log: this.#log,
      services: this.#services,
      registration: this.#registration,
      now: this.#now(),
      minRate: this.#minRate,
    });
    this.#clients.add(client);
    client.ended = this.#serve(client, admission);
  }

  async #serve(client: ServedClient, admission: Admission): Promise<void> {
    const { counters } = this.#services;
    try {
      await client.serve();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const peer = client.address;
      counters.handshakesFailed++;
      this.#log.note(undefined, "handshake-failed", { peer, reason });
    } finally {
      this.#clients.delete(client);
      counters.received += client.traffic.received;
      counters.sent += client.traffic.sent;
      admission.release();
    }
  }

  #sweep(): void {
    const now = this.#now();
    for (const client of this.#clients) client.look(now);
    this.#log.settle();
  }
}
