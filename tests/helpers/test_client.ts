/**
 * A client that says what a test wants, in any order and as wrong as it likes.
 * It knows the messages and nothing of how netdisk's own client behaves.
 */

import { createHash } from "node:crypto";
import { assertEquals } from "@std/assert";
import {
  BLOCK_HEADROOM,
  type ByteConnection,
  FrameChannel,
} from "../../protocol/channel.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { FrameKind } from "../../protocol/frame.ts";
import {
  decodeResponse,
  type Request,
  type RequestOf,
  type Response,
  type ResponseOf,
} from "../../protocol/messages.ts";
import { within } from "./deadline.ts";

const encoder = new TextEncoder();

export const HELLO: RequestOf<"hello"> = {
  type: "hello",
  version: 1,
  capabilities: [],
  agent: "test/1",
};

/** What a put may differ in from a plain one. */
export type PutOptions = Partial<Omit<RequestOf<"put">, "type" | "path">>;

export class TestClient implements Disposable {
  readonly channel: FrameChannel;
  /** How often the server said that it is alive. */
  working = 0;
  #connection: ByteConnection;

  constructor(connection: ByteConnection) {
    this.#connection = connection;
    this.channel = new FrameChannel(connection);
  }

  /** Sends requests in one go. */
  async send(...requests: Request[]): Promise<void> {
    for (const request of requests) await this.channel.send(request);
    await within("room for requests", this.channel.flush());
  }

  /** Sends bytes in data frames of `frameBytes`. */
  async sendData(content: Bytes, frameBytes = 64 * 1024): Promise<void> {
    const bytes = toBytes(content);
    for (let at = 0; at < bytes.length; at += frameBytes) {
      const piece = bytes.subarray(at, at + frameBytes);
      const block = new Uint8Array(BLOCK_HEADROOM + piece.length);
      block.set(piece, BLOCK_HEADROOM);
      await within("room for data", this.channel.sendBlock(block));
    }
    await within("room for data", this.channel.flush());
  }

  /** Sends bytes that need not be frames. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const writing = this.#connection.write(bytes.subarray(at));
      at += await within("room for bytes", writing);
    }
  }

  /** Sends a whole upload without asking; the answer is the caller's. */
  async sendPut(
    path: string,
    content: Bytes,
    options: PutOptions = {},
  ): Promise<void> {
    await this.send(putRequest(path, toBytes(content).length, options));
    await this.sendData(content);
    await this.send(commitOf(content));
  }

  /** The next answer, the bytes of a data frame, or null at the end. */
  async next(): Promise<Response | Uint8Array | null> {
    for (;;) {
      const frame = await within("an answer", this.channel.read());
      if (!frame) return null;
      if (frame.kind === FrameKind.data) return frame.payload.slice();
      const response = decodeResponse(frame.payload);
      if (response.type !== "working") return response;
      this.working++;
    }
  }

  /** The next answer, which must be of a type. */
  async answer<K extends Response["type"]>(type: K): Promise<ResponseOf<K>> {
    const answer = await this.next();
    if (answer === null || answer instanceof Uint8Array) {
      throw new Error(`${answer ? "data" : "the end"} came, not '${type}'`);
    }
    const { type: got } = answer;
    assertEquals(got, type, JSON.stringify(answer));
    return answer as ResponseOf<K>;
  }

  /** The code of the next answer, which must be an error. */
  async error(): Promise<string> {
    return (await this.answer("error")).code;
  }

  /** Sends one request and takes its answer. */
  async ask<K extends Response["type"]>(
    request: Request,
    type: K,
  ): Promise<ResponseOf<K>> {
    await this.send(request);
    return await this.answer(type);
  }

  /** Downloads a file whole. */
  async get(path: string): Promise<Uint8Array> {
    const { size } = await this.ask(
      { type: "get", path, prefix: null },
      "file",
    );
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const data = await this.next();
      if (!(data instanceof Uint8Array)) {
        throw new Error(`${JSON.stringify(data)} came, not data`);
      }
      bytes.set(data, at);
      at += data.length;
    }
    const { sha256 } = await this.answer("done");
    assertEquals(sha256, sha256Of(bytes));
    return bytes;
  }

  /** The rest of what the server says, up to the end of the connection. */
  async rest(): Promise<(Response | Uint8Array)[]> {
    const answers: (Response | Uint8Array)[] = [];
    try {
      for (;;) {
        const answer = await this.next();
        if (answer === null) return answers;
        answers.push(answer);
      }
    } catch (error) {
      // A server that closes while bytes are on their way resets.
      const isEnd = error instanceof NetdiskError &&
        error.code === "connection-lost";
      if (!isEnd) throw error;
      return answers;
    }
  }

  close(): void {
    this.channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Bytes, or a text that stands for its own. */
export type Bytes = Uint8Array | string;

export function toBytes(content: Bytes): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content;
}

export function sha256Of(content: Bytes): string {
  return createHash("sha256").update(toBytes(content)).digest("hex");
}

export function putRequest(
  path: string,
  size: number | null,
  options: PutOptions = {},
): RequestOf<"put"> {
  return {
    type: "put",
    path,
    size,
    mtime: null,
    executable: false,
    ask: false,
    replace: true,
    ...options,
  };
}

export function commitOf(content: Bytes): RequestOf<"commit"> {
  const size = toBytes(content).length;
  return { type: "commit", size, sha256: sha256Of(content) };
}
