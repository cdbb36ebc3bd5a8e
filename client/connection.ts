/**
 * A conversation with a server: trusted first, then greeted, then asked.
 * Requests may be sent ahead; answers come in their order. Opening sockets is
 * dial.ts's business, whom to trust is trust.ts's.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import {
  type ErrorCode,
  NetdiskError,
  ProtocolError,
} from "../protocol/errors.ts";
import { type Frame, FrameKind, MAX_DATA_BYTES } from "../protocol/frame.ts";
import {
  decodeResponse,
  type Request,
  type Response,
  type ResponseOf,
} from "../protocol/messages.ts";
import { AGENT, CAPABILITIES, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { SavedSession } from "./config.ts";
import { Liveness } from "./liveness.ts";

/** How often it is looked whether the server is there. */
const WATCH_MS = 1000;

/** Longer messages are looked at only by whoever waits for them. */
const MAX_PING_BYTES = 32;

/** After an `error` of these the server says no more (SPEC.md 8). */
const FINAL_ERRORS = [
  "protocol",
  "version",
  "stopping",
  "timeout",
  "unauthenticated",
];

/** An `error` of these is about the name that was asked for; the next one may be fine. */
const PATH_ERRORS: readonly ErrorCode[] = [
  "denied",
  "not-found",
  "exists",
  "is-folder",
  "not-folder",
  "bad-name",
  "too-large",
  "quota",
  "disk-full",
  "changed",
  "io",
  "internal",
];

/** One connection to a server. */
export class Connection {
  /** For data frames; control messages go through the methods. */
  readonly channel: FrameChannel;
  /** Bytes of a file to send at a time: with fewer, the calls for each cost more. */
  readonly blockBytes: number;
  #address: string;
  #greeting: Promise<void> | undefined;
  #session: SavedSession | undefined;
  #watch: ReturnType<typeof setInterval>;
  #hello: ResponseOf<"hello"> | undefined;
  #isReady = false;
  #liveness: Liveness;

  constructor(
    channel: FrameChannel,
    address: string,
    { blockBytes = MAX_DATA_BYTES }: { blockBytes?: number | undefined } = {},
  ) {
    this.channel = channel;
    this.blockBytes = blockBytes;
    this.#address = address;
    const liveness = new Liveness(channel, performance.now());
    this.#liveness = liveness;
    this.#watch = setInterval(() => {
      const now = performance.now();
      const reason = liveness.check(now);
      if (reason !== undefined) {
        channel.close(new NetdiskError("timeout", `${address}: ${reason}`));
      } else if (liveness.isDue(now) && this.#isReady && this.#session) {
        this.tellAlive();
      }
    }, WATCH_MS);
    // A command that is done must not wait for the next look.
    Deno.unrefTimer(Number(this.#watch));
  }

  /**
   * Queues the greeting and, with a session, its token: requests that follow go
   * out in the same packet. The answers are read before the first other one.
   */
  async greet(session?: SavedSession): Promise<void> {
    await this.send({
      type: "hello",
      version: PROTOCOL_VERSION,
      capabilities: [...CAPABILITIES],
      agent: AGENT,
    });
    if (session) {
      await this.send({ type: "authenticate", token: session.token });
    }
    this.#session = session;
  }

  /** Waits until the server has accepted the greeting and the session. */
  async ready(): Promise<ResponseOf<"hello">> {
    await (this.#greeting ??= this.#expectGreeting());
    this.#isReady = true;
    this.#liveness.greeted();
    return this.#hello!;
  }

  /** True once the server has accepted the greeting; the session may be due yet. */
  get isGreeted(): boolean {
    return this.#hello !== undefined;
  }

  /** Queues a request; it leaves at the latest with the next wait for an answer. */
  send(request: Request): Promise<void> {
    return this.channel.send(request);
  }

  /** The next frame. @throws NetdiskError when the connection ends */
  async frame(): Promise<Frame> {
    await this.ready();
    return this.#nextFrame();
  }

  /** The next frame if all of it is here: nothing is waited for. @throws ProtocolError */
  frameHere(): Frame | undefined {
    if (!this.#isReady) return undefined;
    try {
      for (;;) {
        const frame = this.channel.take();
        if (frame) this.#liveness.heard();
        if (!frame || !isPing(frame)) return frame;
      }
    } catch (error) {
      throw this.#named(error as NetdiskError);
    }
  }

  /**
   * The next answer, which must be of one of the given types.
   *
   * @throws NetdiskError what the server answered as `error`
   */
  async receive<K extends Response["type"]>(
    ...types: K[]
  ): Promise<ResponseOf<K>> {
    await this.ready();
    return this.#receive(types);
  }

  /** Sends a request and waits for its answer. */
  async call<K extends Response["type"]>(
    request: Request,
    ...types: K[]
  ): Promise<ResponseOf<K>> {
    await this.send(request);
    return this.receive(...types);
  }

  /**
   * Lets the server know that we are there, once it has accepted the session.
   *
   * @param isOurTurn the server waits for us: so far it has owed nothing
   */
  tellAlive(isOurTurn = false): void {
    this.#liveness.tell(isOurTurn, performance.now());
  }

  close(): void {
    clearInterval(this.#watch);
    this.channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #expectGreeting(): Promise<void> {
    this.#liveness.expectGreeting(performance.now());
    this.#hello = await this.#receive(["hello"]);
    const { version } = this.#hello;
    if (version !== PROTOCOL_VERSION) {
      throw new NetdiskError(
        "version",
        `${this.#address}: the server speaks version ${version} of the protocol, not ${PROTOCOL_VERSION}`,
      );
    }
    const session = this.#session;
    if (!session) return;
    try {
      await this.#receive(["session"]);
    } catch (error) {
      if (
        !(error instanceof NetdiskError) || error.code !== "unauthenticated"
      ) throw error;
      throw sessionEnded(session.user, this.#address, error);
    }
  }

  async #receive<K extends Response["type"]>(
    types: K[],
  ): Promise<ResponseOf<K>> {
    const frame = await this.#nextFrame();
    return expectResponse(frame, types);
  }

  async #readFrame(): Promise<Frame | null> {
    try {
      return await this.channel.read();
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      if (error instanceof ProtocolError && error.violation === "cut-short") {
        // As of a server that was killed: it did not mean to say that.
        throw new NetdiskError(
          "connection-lost",
          `${this.#address}: the server ended the connection in the middle of a message`,
          { cause: error },
        );
      }
      throw this.#named(error);
    }
  }

  /** The channel does not know whose connection it is. */
  #named(error: NetdiskError): NetdiskError {
    const named = error.message.startsWith(this.#address);
    return named ? error : about(this.#address, error);
  }

  async #nextFrame(): Promise<Frame> {
    for (;;) {
      const frame = await this.#readFrame();
      if (!frame) break;
      this.#liveness.heard();
      if (!isPing(frame)) return frame;
    }
    throw new NetdiskError(
      "connection-lost",
      `${this.#address}: the server ended the connection`,
      this.#hello ? {} : { hint: "it may be full, try again in a moment" },
    );
  }
}

/** `ping` may cross a request; it wants no answer of its own: see liveness.ts. */
function isPing({ kind, payload }: Frame): boolean {
  return kind === FrameKind.control && payload.length <= MAX_PING_BYTES &&
    decodeResponse(payload).type === "ping";
}

/**
 * Decodes a frame that must be one of the given answers.
 *
 * @throws NetdiskError what the server answered as `error`, if that is not one
 * of them or is its last word
 * @throws ProtocolError for anything else
 */
export function expectResponse<K extends Response["type"]>(
  frame: Frame,
  types: readonly K[],
): ResponseOf<K> {
  if (frame.kind !== FrameKind.control) {
    throw new ProtocolError(
      "out-of-order",
      "the server sent data out of order",
    );
  }
  const response = decodeResponse(frame.payload);
  const isFinal = response.type === "error" &&
    FINAL_ERRORS.includes(response.code);
  if ((types as readonly string[]).includes(response.type) && !isFinal) {
    return response as ResponseOf<K>;
  }
  if (response.type === "error") throw serverError(response);
  throw new ProtocolError(
    "out-of-order",
    `the server answered '${response.type}' out of order`,
  );
}

/** What the server calls `unauthenticated`, with what to do about it. */
export function sessionEnded(
  user: string,
  address: string,
  cause: unknown,
): NetdiskError {
  return new NetdiskError(
    "unauthenticated",
    `the session of ${user} on ${address} has ended`,
    { hint: `netdisk login ${user} --server ${address}`, cause },
  );
}

/** The error that the server answered. */
export function serverError(
  { code, message }: ResponseOf<"error">,
): NetdiskError {
  return new NetdiskError(code, message);
}

/** The error with its subject in front; the user's own folder has no name. */
export function about(label: string, error: NetdiskError): NetdiskError {
  if (label === "") return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new NetdiskError(error.code, `${label}: ${error.message}`, {
    ...hint,
    cause: error,
  });
}

/** True for what the server says of one path; the connection goes on. */
export function isAboutPath(error: unknown): error is NetdiskError {
  return error instanceof NetdiskError && PATH_ERRORS.includes(error.code);
}
