/**
 * The socket on which a server tells how it is, `<root>/.netdisk/status.sock`:
 * whoever may open the folder, the server's own user, connects and gets one JSON
 * document. Nothing is read from them.
 */

import { basename, dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { logEvent } from "./log.ts";
import { Slots } from "./slots.ts";
import type { Status } from "./status_report.ts";
import { dataFolder } from "./storage_path.ts";

/** Those that are answered at a time; others wait. */
export const MAX_ASKERS = 16;

/** Longer ones do not fit into a `sockaddr_un` (unix(7)); macOS has 104 bytes. */
const MAX_PATH_BYTES = 100;

/** How long to wait when accepting fails, in milliseconds. */
const ACCEPT_RETRY_MS = 100;

/** Of a document, which has some 20 KiB at most. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** How long an asker waits; the server itself gives up before, in milliseconds. */
const PATIENCE_MS = 10_000;

const encoder = new TextEncoder();

/** `<root>/.netdisk/status.sock` */
export function statusSocket(root: string): string {
  return join(dataFolder(root), "status.sock");
}

/** The answering end, in the main thread. */
export class StatusSocket implements Disposable {
  #listener: Deno.UnixListener;
  #path: string;
  #describe: () => Promise<Status>;
  #slots = new Slots(MAX_ASKERS);
  #isClosed = false;

  private constructor(
    listener: Deno.UnixListener,
    path: string,
    describe: () => Promise<Status>,
  ) {
    this.#listener = listener;
    this.#path = path;
    this.#describe = describe;
  }

  /**
   * Listens from now on, if that can be; the server does not depend on it. The
   * caller holds the lock of `root`: a socket that is there has nobody behind it.
   */
  static async open(
    root: string,
    describe: () => Promise<Status>,
  ): Promise<StatusSocket | undefined> {
    const path = statusSocket(root);
    try {
      removeIfThere(path);
      const listener = await withShortName(
        path,
        (path) => Deno.listen({ transport: "unix", path }),
      );
      const socket = new StatusSocket(listener, path, describe);
      void socket.#run();
      return socket;
    } catch (error) {
      logEvent("no-status", { reason: reasonOf(error) });
      return undefined;
    }
  }

  /** Answers nothing more; the socket is gone. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#listener.close();
    try {
      removeIfThere(this.#path);
    } catch {
      // The next server removes it.
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const leave = await this.#slots.enter();
      try {
        const connection = await this.#listener.accept();
        void this.#answer(connection).finally(leave);
      } catch {
        leave();
        // Closed, or out of descriptors: some will be free again.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
      }
    }
  }

  async #answer(connection: Deno.UnixConn): Promise<void> {
    using _connection = connection;
    try {
      const bytes = encoder.encode(JSON.stringify(await this.#describe()));
      // The system takes all of it at once, also for who never reads.
      for (let at = 0; at < bytes.length;) {
        at += await connection.write(bytes.subarray(at));
      }
    } catch {
      // Nobody is there any more, or we are too busy: they see that nothing came.
    }
  }
}

/**
 * Asks the server of `root`.
 *
 * @returns undefined when none listens there
 * @throws NetdiskError `busy` when it does not answer, `local-io`
 */
export async function askStatus(root: string): Promise<Status | undefined> {
  let connection: Deno.UnixConn;
  try {
    connection = await withShortName(
      statusSocket(root),
      (path) => Deno.connect({ transport: "unix", path }),
    );
  } catch (error) {
    if (isNobody(error)) return undefined;
    throw new NetdiskError(
      "local-io",
      `${statusSocket(root)}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(busy()), PATIENCE_MS);
  });
  try {
    const text = await Promise.race([readAll(connection), patience]);
    if (text === "") throw busy();
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof NetdiskError) throw cause;
    throw new NetdiskError("local-io", `the server told ${reasonOf(cause)}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

async function readAll(connection: Deno.UnixConn): Promise<string> {
  const bytes = new Uint8Array(MAX_DOCUMENT_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function busy(): NetdiskError {
  return new NetdiskError("busy", "the server runs, but does not answer", {
    hint: "try again in a moment; its log may tell more",
  });
}

/** Whether nobody listens, or listening so is not known here (Windows). */
function isNobody(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.ConnectionRefused ||
    Deno.build.os === "windows";
}

/** Uses a socket by its name alone where its path is too long. */
async function withShortName<T>(
  path: string,
  use: (path: string) => T | Promise<T>,
): Promise<T> {
  if (encoder.encode(path).length <= MAX_PATH_BYTES) return await use(path);
  // All threads share it: paths that matter to them are absolute.
  const before = Deno.cwd();
  Deno.chdir(dirname(path));
  try {
    return await use(basename(path));
  } finally {
    Deno.chdir(before);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
