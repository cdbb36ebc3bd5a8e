/**
 * What the Worker asks the main thread to do, because Deno has no function for
 * it and calling into the system is nothing for a sandbox. What is done then is
 * privileged_service.ts's business.
 */

import { errnoError } from "./os_errors.ts";

/** Some entries of a folder. */
export interface FolderPage {
  /** One `struct linux_dirent64` behind the other (getdents64(2)). */
  entries: Uint8Array<ArrayBuffer>;
  /** Stands for the open folder; null when that was all, and it is closed. */
  folder: number | null;
}

/** The other end of a connection. */
export interface SocketPeer {
  hostname: string;
  port: number;
}

/** Small folders are read at once; so many are read as far as a client is. */
export const MAX_OPEN_FOLDERS = 256;

/** The most peers of one {@link PrivilegedCalls.evict}. */
export const MAX_EVICTED = 4096;

/** The calls: one argument each, and an errno when they fail. */
export interface PrivilegedCalls {
  /** Opens the folder at an absolute path, and reads its first page. */
  openFolder(path: string): FolderPage;
  /** The next page. */
  readFolder(folder: number): FolderPage;
  /** Closes a folder that is not read to its end. */
  closeFolder(folder: number): void;
  /** Puts all that is on the storage root's file system on the disk. */
  syncDisk(argument: null): Promise<void>;
  /** Ends the server's connections with these peers. @see native_sockets.ts */
  evict(peers: SocketPeer[]): void;
}

export type CallName = keyof PrivilegedCalls;

export interface Question {
  id: number;
  call: CallName;
  argument: unknown;
}

export type Answer =
  | { id: number; value: unknown }
  | { id: number; errno: string };

/** The asking end of the line to the main thread. */
export class PrivilegedPort {
  #port: MessagePort;
  #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 0;

  /** Owns `port` from now on. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }) => this.#answered(data);
  }

  /** Waits as long as it takes: we end with the main thread. @throws Error with an errno */
  async ask<K extends CallName>(
    call: K,
    argument: Parameters<PrivilegedCalls[K]>[0],
  ): Promise<Awaited<ReturnType<PrivilegedCalls[K]>>> {
    const id = this.#nextId++;
    const answered = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answered);
    const question: Question = { id, call, argument };
    this.#port.postMessage(question);
    return await answered.promise as Awaited<ReturnType<PrivilegedCalls[K]>>;
  }

  close(): void {
    this.#port.close();
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("value" in answer) waiting?.resolve(answer.value);
    else waiting?.reject(errnoError(answer.errno));
  }
}
