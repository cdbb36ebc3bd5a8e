/**
 * Every control message and its validation (SPEC.md 4 and 5). Pure: payload
 * bytes in, checked objects out. Which message may come when is decided by
 * server/session.ts and client/connection.ts.
 */

import { INVITE, MAX_PASSWORD_BYTES, TOKEN } from "./credentials.ts";
import { ProtocolError, WIRE_ERROR_CODES } from "./errors.ts";
import {
  MAX_BLOCKED,
  MAX_COMING,
  MAX_LINE_CHARACTERS,
  MAX_MESSAGE_BYTES,
  MAX_PAGE_PARCELS,
  MAX_PARCEL_FILES,
  messageFault,
} from "./parcels.ts";
import { MAX_PATH_BYTES, remotePathFault } from "./remote_path.ts";
import {
  boolean,
  checkedText,
  type Fields,
  type InferFields,
  integer,
  list,
  nullable,
  object,
  oneOf,
  refuse,
  type Schema,
  text,
} from "./schema.ts";

/** Longest sentence in an `error`; the server cuts its own to this. */
export const MAX_ERROR_TEXT = 1024;

/** Longest name in a listing, in UTF-16 units: 255 bytes of any file system's. */
const MAX_ENTRY_NAME = 1024;

/** Most entries in one page; 64 KiB hold far fewer of any real length. */
const MAX_PAGE_ENTRIES = 4096;

/** Most sessions that a user has; the next login ends the oldest. */
export const MAX_SESSIONS_PER_USER = 100;

/** The range of a Date, in milliseconds (ECMA-262, 21.4.1.1). */
const MAX_TIME = 8.64e15;

const agent = text(64, /^[\x21-\x7e]+$/);
const capabilities = list(text(32, /^[a-z0-9-]+$/), 32);
// Bounded only: server/accounts.ts answers a bad name or password as such.
const user = text(64);
const password = text(MAX_PASSWORD_BYTES);
const path = checkedText(MAX_PATH_BYTES, remotePathFault);
const size = integer(0, Number.MAX_SAFE_INTEGER);
const time = integer(-MAX_TIME, MAX_TIME);

/** SHA-256 as 64 lower-case hexadecimal digits. */
const sha256 = text(64, /^[0-9a-f]{64}$/);

/** The beginning of a file that the client has already. */
const prefix = object({ size, sha256 });

/**
 * One file or folder of a listing. Its name is as the disk has it: whoever
 * writes or shows it checks or escapes it first.
 */
const entry = object({
  name: checkedText(
    MAX_ENTRY_NAME,
    (name) => /[/\0]/.test(name) ? "it has a slash or NUL" : undefined,
  ),
  kind: oneOf(["file", "folder", "other"]),
  size,
  mtime: nullable(time),
  executable: boolean,
});

/** Where a user is logged in. */
const sessionInfo = object({
  created: time,
  used: time,
  expires: time,
  agent: text(64),
  address: text(64),
  current: boolean,
});

/** The text of a parcel. */
const message = checkedText(MAX_MESSAGE_BYTES, messageFault);

/** A parcel as an inbox lists it. */
const parcelInfo = object({
  number: size,
  from: user,
  time,
  read: boolean,
  files: size,
  bytes: size,
  line: text(2 * MAX_LINE_CHARACTERS),
});

/** What a client may send, SPEC.md 4. */
export const REQUESTS = {
  hello: { version: integer(1, 65535), capabilities, agent },
  register: { user, password, invite: nullable(text(22, INVITE)) },
  login: { user, password },
  authenticate: { token: text(43, TOKEN) },
  logout: { all: boolean },
  sessions: {},
  passwd: { old: password, new: password },
  quota: {},
  ping: {},
  stat: { path },
  list: { path },
  digest: { path },
  get: { path, prefix: nullable(prefix) },
  put: {
    path,
    size: nullable(size),
    mtime: nullable(time),
    executable: boolean,
    ask: boolean,
    replace: boolean,
  },
  prefix: { sha256: nullable(sha256) },
  waiting: {},
  commit: { size, sha256 },
  cancel: {},
  mkdir: { path, parents: boolean, mtime: nullable(time) },
  move: { from: path, to: path, replace: boolean },
  remove: { path, recursive: boolean },
  touch: { path, mtime: nullable(time), executable: nullable(boolean) },
  compose: { to: user, draft: sha256 },
  deliver: { draft: sha256, files: integer(0, MAX_PARCEL_FILES), message },
  abandon: { draft: sha256 },
  leave: {},
  unread: {},
  inbox: { before: nullable(size) },
  coming: {},
  open: { number: size },
  read: { number: size },
  save: { number: size, to: path },
  discard: { number: size },
  block: { user, blocked: boolean },
  blocked: {},
} as const satisfies Record<string, Fields>;

/** What a server may answer, SPEC.md 4. */
export const RESPONSES = {
  hello: {
    version: integer(1, 65535),
    capabilities,
    agent,
    registration: oneOf(["open", "invite", "closed"]),
  },
  session: {
    user,
    token: nullable(text(43, TOKEN)),
    expires: time,
  },
  ok: {},
  sessions: { sessions: list(sessionInfo, MAX_SESSIONS_PER_USER) },
  quota: { used: size, limit: nullable(size) },
  pong: {},
  ping: {},
  entry: { entry },
  entries: { entries: list(entry, MAX_PAGE_ENTRIES), more: boolean },
  file: { size, mtime: nullable(time), executable: boolean, offset: size },
  done: { sha256 },
  continue: { offset: size },
  verifying: { done: size },
  working: {},
  receipt: { size, sha256, mtime: nullable(time), time },
  cancelled: {},
  delivered: { time },
  unread: { count: size },
  parcels: { parcels: list(parcelInfo, MAX_PAGE_PARCELS), more: boolean },
  parcel: { number: size, from: user, time, read: boolean, message },
  blocked: { users: list(user, MAX_BLOCKED) },
  coming: { users: list(user, MAX_COMING) },
  error: {
    code: oneOf(WIRE_ERROR_CODES),
    message: text(MAX_ERROR_TEXT),
  },
} as const satisfies Record<string, Fields>;

/** The messages of one direction, as a union told apart by `type`. */
type Messages<T extends Record<string, Fields>> = {
  [K in keyof T & string]: { type: K } & InferFields<T[K]>;
}[keyof T & string];

export type Request = Messages<typeof REQUESTS>;
export type Response = Messages<typeof RESPONSES>;
export type Message = Request | Response;

/** One request or response by its name. */
export type RequestOf<K extends Request["type"]> = Extract<
  Request,
  { type: K }
>;
export type ResponseOf<K extends Response["type"]> = Extract<
  Response,
  { type: K }
>;

/** A session as `sessions` carries it. */
export type SessionInfo = ResponseOf<"sessions">["sessions"][number];

/** A parcel as `parcels` carries it. */
export type ParcelInfo = ResponseOf<"parcels">["parcels"][number];

/** A file or folder as `entry` and `entries` carry it. */
export type Entry = ResponseOf<"entry">["entry"];

const requestSchemas = schemasOf(REQUESTS);
const responseSchemas = schemasOf(RESPONSES);

// A byte order mark or a bad sequence is refused, not repaired.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes a control payload that a client sent. @throws ProtocolError */
export function decodeRequest(payload: Uint8Array): Request {
  return decode(payload, requestSchemas) as Request;
}

/** Decodes a control payload that a server sent. @throws ProtocolError */
export function decodeResponse(payload: Uint8Array): Response {
  return decode(payload, responseSchemas) as Response;
}

/** The control payload of a message. */
export function encodeMessage(message: Message): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

function schemasOf(
  messages: Record<string, Fields>,
): Map<string, Schema<unknown>> {
  const schemas = new Map<string, Schema<unknown>>();
  for (const [type, fields] of Object.entries(messages)) {
    schemas.set(type, object({ type: oneOf([type]), ...fields }));
  }
  return schemas;
}

function decode(
  payload: Uint8Array,
  schemas: Map<string, Schema<unknown>>,
): unknown {
  const value = parseJson(payload);
  if (typeof value !== "object" || value === null || !("type" in value)) {
    refuse("the message", "is not an object with a type");
  }
  const schema = typeof value.type === "string"
    ? schemas.get(value.type)
    : undefined;
  if (!schema) refuse("type", "is unknown");
  return schema(value, value.type as string);
}

function parseJson(payload: Uint8Array): unknown {
  let json: string;
  try {
    json = decoder.decode(payload);
  } catch (cause) {
    throw new ProtocolError("bad-text", "a control frame is not UTF-8", {
      cause,
    });
  }
  try {
    return JSON.parse(json);
  } catch {
    // Without its cause: that quotes the text, which may hold a password.
    throw new ProtocolError("bad-text", "a control frame is not JSON");
  }
}
