/** What the main thread and the serving Worker say to each other. Types only. */

import type { Reserve } from "./free_space.ts";
import type { LogFormat } from "./log.ts";

/** Who may register: everybody, holders of an invite (and loopback), nobody. */
export type Registration = "open" | "invite" | "closed";

/** The first message to the Worker. */
export interface StartMessage {
  type: "start";
  /** The storage root as a real, absolute path. */
  root: string;
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** PEM texts; null serves plain TCP. */
  tls: { certificate: string; key: string } | null;
  registration: Registration;
  /** What uploads leave free; null is the default. */
  minFree: Reserve | null;
  /** Bytes that each user may have, without one of their own; null is without limit. */
  quota: number | null;
  /** How long unfinished uploads are kept, in milliseconds. */
  keepMs: number;
  /** The most connections at a time. */
  maxConnections: number;
  /** Bytes a second that transfers have to come to; 0 is any. */
  minRate: number;
  logFormat: LogFormat;
  /** Asks for reports (report.ts); transferred. */
  reports: MessagePort;
  /** Leads to the password Worker; transferred. */
  passwords: MessagePort;
  /** Leads to the main thread, where that can do more than we; transferred. */
  main: MessagePort | null;
  /** Whether the main thread can sync the whole disk for us. */
  canSyncDisk: boolean;
}

/** No new connections; running transfers get `graceMs` milliseconds. */
export interface StopMessage {
  type: "stop";
  graceMs: number;
}

export type ToWorker = StartMessage | StopMessage;

/** The Worker listens on `port`; `invite` is new, or null when none is needed. */
export interface ReadyMessage {
  type: "ready";
  hostname: string;
  port: number;
  invite: string | null;
  /** What the sandbox was seen to refuse. */
  denied: string[];
}

/** The Worker cannot start; `message` is for people. */
export interface FailedMessage {
  type: "failed";
  message: string;
  hint: string | undefined;
}

/** Everything is closed; the process may end. */
export interface StoppedMessage {
  type: "stopped";
}

export type FromWorker = ReadyMessage | FailedMessage | StoppedMessage;
