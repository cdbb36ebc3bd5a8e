/**
 * The main thread's side of privileged_calls.ts: what the Worker asks for is
 * done here. The Worker may be in a stranger's hands, so each call checks its
 * argument itself, and gives nothing that the sandbox is there to keep away.
 */

import type { Libc } from "./libc.ts";
import { NativeFolders } from "./native_folders.ts";
import { NativeSockets } from "./native_sockets.ts";
import { NativeSync } from "./native_sync.ts";
import { errnoError, errnoOf } from "./os_errors.ts";
import type {
  Answer,
  CallName,
  PrivilegedCalls,
  Question,
} from "./privileged_calls.ts";

/** A call, whatever it is given. */
type Handler<K extends CallName> = (
  argument: unknown,
) => ReturnType<PrivilegedCalls[K]>;

/** Answers the questions that come through one port. */
export class PrivilegedService implements Disposable {
  #port: MessagePort;
  #folders: NativeFolders;
  #disk: NativeSync | undefined;
  #sockets: NativeSockets;
  #handlers: { [K in CallName]: Handler<K> };

  /**
   * Owns `port` from now on.
   *
   * @param root the storage root as a real, absolute path
   */
  constructor(port: MessagePort, root: string, libc: Libc) {
    const folders = new NativeFolders(root, libc);
    this.#port = port;
    this.#folders = folders;
    this.#disk = NativeSync.open(root, libc);
    this.#sockets = new NativeSockets(libc);
    this.#handlers = {
      openFolder: (path) => folders.open(path),
      readFolder: (folder) => folders.read(folder),
      closeFolder: (folder) => folders.close(folder),
      syncDisk: () => this.#syncDisk(),
      evict: (peers) => this.#sockets.evict(peers),
    };
    port.onmessage = ({ data }) => void this.#answer(data);
  }

  /** Whether `syncDisk` is of any use here. */
  get canSyncDisk(): boolean {
    return this.#disk !== undefined;
  }

  /** The port on which the Worker listens: only its connections are evicted. */
  listensOn(port: number): void {
    this.#sockets.port = port;
  }

  /** Answers nothing more. */
  close(): void {
    this.#sockets.close();
    this.#port.close();
    this.#folders.closeAll();
    this.#disk?.close();
    this.#disk = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #syncDisk(): Promise<void> {
    if (!this.#disk) throw errnoError("ENOSYS");
    await this.#disk.sync();
  }

  /** @param question whatever came: as {@link Question} if the Worker is ours still */
  async #answer(question: Question | null): Promise<void> {
    // An uncaught error here would end the whole process.
    if (typeof question !== "object" || question === null) return;
    const { id, call, argument } = question;
    let answer: Answer;
    try {
      if (!Object.hasOwn(this.#handlers, call)) throw errnoError("ENOSYS");
      answer = { id, value: await this.#handlers[call](argument) };
    } catch (error) {
      answer = { id, errno: errnoOf(error) ?? "EIO" };
    }
    this.#port.postMessage(answer);
  }
}

/** Starts the service, if the system has what it needs: Linux, glibc and /proc. */
export function startPrivilegedService(
  port: MessagePort,
  root: string,
  libc: Libc | undefined,
): PrivilegedService | undefined {
  if (!libc) return undefined;
  try {
    const folders = new NativeFolders(root, libc);
    folders.open(root);
    folders.closeAll();
  } catch {
    return undefined;
  }
  return new PrivilegedService(port, root, libc);
}
