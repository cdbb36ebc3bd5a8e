/**
 * A server that says what a test wants, in any order and as untrue as it likes.
 * It knows the messages and nothing of how netdisk's own server behaves.
 */

import { assertEquals } from "@std/assert";
import { Connection } from "../../client/connection.ts";
import type { SavedSession } from "../../client/config.ts";
import {
  BLOCK_HEADROOM,
  type ByteConnection,
  FrameChannel,
} from "../../protocol/channel.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { encodeFrame, FrameKind } from "../../protocol/frame.ts";
import {
  decodeRequest,
  type Request,
  type RequestOf,
  type Response,
  type ResponseOf,
} from "../../protocol/messages.ts";
import { within } from "./deadline.ts";
import {
  type MemoryConn,
  type MemoryOptions,
  memoryPair,
} from "./memory_conn.ts";
import { settled } from "./settled.ts";
import { sha256Of } from "./test_client.ts";

/** The server's name in the errors of a client that a test made. */
export const ADDRESS = "disk.example:6375";

/** A session that a fake server accepts. */
export const SESSION: SavedSession = {
  user: "anna",
  token: "t".repeat(43),
  expires: 4_000_000_000_000,
};

/** The greeting of a server that is in order. */
export const SERVER_HELLO: ResponseOf<"hello"> = {
  type: "hello",
  version: 1,
  capabilities: [],
  agent: "fake/1",
  registration: "open",
};

/** The client left while the script still wanted something of it. */
export class ClientGone extends Error {
  override name = "ClientGone";
}

/** What a client said from a `put` to its end. */
export interface Upload {
  put: RequestOf<"put">;
  bytes: Uint8Array;
  /** How many bytes each data frame had. */
  frames: number[];
  end: RequestOf<"commit" | "cancel">;
}

/** The server's end of one connection. */
export class FakeServer implements Disposable {
  readonly channel: FrameChannel;
  #connection: ByteConnection;

  constructor(connection: ByteConnection) {
    this.#connection = connection;
    this.channel = new FrameChannel(connection);
  }

  /** The next request, the bytes of a data frame, or null at the end. */
  async next(): Promise<Request | Uint8Array | null> {
    const frame = await within("a request", this.channel.read());
    if (!frame) return null;
    return frame.kind === FrameKind.data
      ? frame.payload.slice()
      : decodeRequest(frame.payload);
  }

  /** The next request, which must be of a type. */
  async request<K extends Request["type"]>(type: K): Promise<RequestOf<K>> {
    const request = await this.next();
    if (request === null) throw new ClientGone(`the end came, not '${type}'`);
    if (request instanceof Uint8Array) {
      throw new Error(`data came, not '${type}'`);
    }
    const { type: got } = request;
    assertEquals(got, type, JSON.stringify(request));
    return request as RequestOf<K>;
  }

  /** The next bytes of a file, as they come in one frame. */
  async data(): Promise<Uint8Array> {
    const data = await this.next();
    if (data === null) throw new ClientGone("the end came, not data");
    if (!(data instanceof Uint8Array)) {
      throw new Error(`'${data.type}' came, not data`);
    }
    return data;
  }

  /** Takes the greeting and the session and accepts both. */
  async greet(hello: Partial<ResponseOf<"hello">> = {}): Promise<void> {
    await this.request("hello");
    await this.request("authenticate");
    const { user, expires } = SESSION;
    await this.say({ ...SERVER_HELLO, ...hello }, {
      type: "session",
      user,
      token: null,
      expires,
    });
  }

  /** Takes an upload whole, and lets the client go on where it asks. */
  async upload(): Promise<Upload> {
    const put = await this.request("put");
    if (put.ask) await this.say({ type: "continue", offset: 0 });
    return await this.uploaded(put);
  }

  /** Takes what follows a `put`. */
  async uploaded(put: RequestOf<"put">): Promise<Upload> {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const next = await this.next();
      if (next === null) throw new ClientGone("the end came in an upload");
      if (next instanceof Uint8Array) {
        pieces.push(next);
      } else if (next.type === "commit" || next.type === "cancel") {
        const frames = pieces.map((piece) => piece.length);
        return { put, bytes: joined(pieces), frames, end: next };
      } else if (next.type !== "waiting") {
        throw new Error(`'${next.type}' came inside an upload`);
      }
    }
  }

  /** Answers in one go. */
  async say(...responses: Response[]): Promise<void> {
    for (const response of responses) await this.channel.send(response);
    await within("room for answers", this.channel.flush());
  }

  /** An `error`, with its code as its sentence. */
  async refuse(
    code: ResponseOf<"error">["code"],
    message = `refused: ${code}`,
  ): Promise<void> {
    await this.say({ type: "error", code, message });
  }

  /** Sends bytes of a file in frames of `frameBytes`. */
  async sayData(bytes: Uint8Array, frameBytes = 64 * 1024): Promise<void> {
    for (let at = 0; at < bytes.length; at += frameBytes) {
      const piece = bytes.subarray(at, at + frameBytes);
      const block = new Uint8Array(BLOCK_HEADROOM + piece.length);
      block.set(piece, BLOCK_HEADROOM);
      await within("room for data", this.channel.sendBlock(block));
    }
    await within("room for data", this.channel.flush());
  }

  /** Answers a `get` as a server does. */
  async sayFile(
    bytes: Uint8Array,
    facts: Partial<ResponseOf<"file">> = {},
  ): Promise<void> {
    const { length: size } = bytes;
    await this.say({
      type: "file",
      size,
      mtime: null,
      executable: false,
      offset: 0,
      ...facts,
    });
    await this.sayData(bytes.subarray(facts.offset));
    await this.say({ type: "done", sha256: sha256Of(bytes) });
  }

  /** Sends a control frame that need not be a message. */
  async sayJson(value: unknown): Promise<void> {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const payload = new TextEncoder().encode(text);
    await this.sayRaw(encodeFrame(FrameKind.control, payload));
  }

  /** Sends bytes that need not be frames. */
  async sayRaw(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const writing = this.#connection.write(bytes.subarray(at));
      at += await within("room for bytes", writing);
    }
  }

  /** Waits until the client has left. @throws Error when it says more instead */
  async left(): Promise<void> {
    const next = await this.next();
    if (next === null) return;
    const what = next instanceof Uint8Array ? "data" : `'${next.type}'`;
    throw new Error(`${what} came, not the end`);
  }

  close(): void {
    this.channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What the server says once the bytes of an upload are on its disk. */
export function receiptOf(
  bytes: Uint8Array,
  lie: Partial<ResponseOf<"receipt">> = {},
): ResponseOf<"receipt"> {
  return {
    type: "receipt",
    size: bytes.length,
    sha256: sha256Of(bytes),
    mtime: null,
    time: 1_700_000_000_000,
    ...lie,
  };
}

export interface TalkOptions extends MemoryOptions {
  /** The script begins with the greeting; otherwise it is greeted already. */
  greeting?: boolean;
  /** What can be done to the client's end of the connection. */
  wrap?: (near: MemoryConn) => ByteConnection;
  /** Of the client's connection. */
  blockBytes?: number;
}

/**
 * Lets a client talk with a server that follows a script, over memory. Returns
 * what the client returns and throws what it throws; a script that finds
 * something wrong, or is not at its end when the client is happy, fails.
 */
export async function talk<T>(
  script: (server: FakeServer) => Promise<void>,
  act: (connection: Connection) => Promise<T>,
  options: TalkOptions = {},
): Promise<T> {
  const [near, far] = memoryPair(options);
  const connection = new Connection(
    new FrameChannel(options.wrap?.(near) ?? near),
    ADDRESS,
    { blockBytes: options.blockBytes },
  );
  const server = new FakeServer(far);
  const scripted = outcomeOf(async () => {
    if (!options.greeting) await server.greet();
    await script(server);
  });
  const acted = await outcomeOf(async () => {
    await connection.greet(SESSION);
    return await within("the client's work", act(connection));
  });
  connection.close();
  const { error: fault } = await within("the end of the script", scripted);
  server.close();
  // What nobody awaits fails now, and with it the test.
  await settled(5);
  if (fault !== undefined && !("error" in acted && isGone(fault))) throw fault;
  if ("error" in acted) throw acted.error;
  return acted.value;
}

type Outcome<T> = { value: T; error?: undefined } | { error: unknown };

async function outcomeOf<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** True for what a script meets when the client has left. */
export function isGone(error: unknown): boolean {
  return error instanceof ClientGone ||
    error instanceof NetdiskError && error.code === "connection-lost";
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
