/**
 * Good conversations of a client that has logged in: what its frames are, and
 * where it waits. None of them needs what another one left, but for an upload
 * that goes on; each may be played again and again.
 */

import type { Request } from "../../protocol/messages.ts";
import { MAX_DATA_BYTES } from "../../protocol/frame.ts";
import { Random } from "../../tests/helpers/random.ts";
import {
  commitOf,
  putRequest,
  sha256Of,
} from "../../tests/helpers/test_client.ts";
import { data, greeting, say, type Step } from "./steps.ts";

/** One of them, as the frames behind the greeting. */
export interface Session {
  name: string;
  steps: Step[];
  /** How often it is chosen, beside the others. */
  weight: number;
}

const SMALL = new Random(1).bytes(300);
const MIDDLE = new Random(2).bytes(70_000);
const LARGE = new Random(3).bytes(MAX_DATA_BYTES + 1000);
/** Of a resumed upload: all of it, and what the first connection sends. */
const WHOLE = new Random(4).bytes(60_000);
const BEGINNING = WHOLE.subarray(0, 20_000);

const DRAFT = sha256Of("a draft");

const asked = { ask: true } as const;
const touch = { mtime: 1_700_000_000_000, executable: true } as const;
const prefixOf = (bytes: Uint8Array) => ({
  size: bytes.length,
  sha256: sha256Of(bytes),
});

function small(path: string): Step[] {
  return [say(putRequest(path, SMALL.length)), data(SMALL), end(SMALL)];
}

function end(bytes: Uint8Array): Step {
  return say(commitOf(bytes));
}

function all(...requests: Request[]): Step[] {
  return requests.map((request) => say(request));
}

/** In an order in which each of them succeeds. */
export const SESSIONS: readonly Session[] = [
  {
    name: "small puts",
    steps: ["a", "b", "c/d", "c/e/f", "a"].flatMap((it) => small(`w/${it}`)),
    weight: 3,
  },
  {
    name: "looking",
    steps: [
      ...small("w/a"),
      ...all(
        { type: "stat", path: "w/a" },
        { type: "list", path: "" },
        { type: "list", path: "w" },
        { type: "digest", path: "w/a" },
        { type: "ping" },
      ),
    ],
    weight: 4,
  },
  {
    name: "gets",
    steps: [
      ...small("w/a"),
      ...all(
        { type: "get", path: "w/a", prefix: null },
        { type: "get", path: "w/a", prefix: prefixOf(SMALL.subarray(0, 99)) },
        { type: "get", path: "w/a", prefix: prefixOf(SMALL) },
        { type: "get", path: "w/a", prefix: prefixOf(BEGINNING) },
      ),
    ],
    weight: 4,
  },
  {
    name: "an asked put",
    steps: [
      say(putRequest("w/asked", MIDDLE.length, asked), true),
      data(MIDDLE.subarray(0, 65_536)),
      data(MIDDLE.subarray(65_536)),
      end(MIDDLE),
      say({ type: "get", path: "w/asked", prefix: null }),
    ],
    weight: 3,
  },
  {
    name: "a put from a pipe",
    steps: [
      say(putRequest("w/pipe", null)),
      data(SMALL),
      say({ type: "waiting" }),
      data(SMALL),
      end(new Uint8Array([...SMALL, ...SMALL])),
    ],
    weight: 2,
  },
  {
    name: "a large put",
    steps: [
      say(putRequest("w/large", LARGE.length, asked), true),
      data(LARGE.subarray(0, MAX_DATA_BYTES)),
      data(LARGE.subarray(MAX_DATA_BYTES)),
      end(LARGE),
      say({ type: "remove", path: "w/large", recursive: false }),
    ],
    weight: 0.3,
  },
  {
    name: "a cancelled put",
    steps: [
      say(putRequest("w/no", SMALL.length, asked), true),
      data(SMALL.subarray(0, 100)),
      say({ type: "cancel" }),
      say({ type: "ping" }),
    ],
    weight: 2,
  },
  {
    name: "an interrupted put",
    steps: [
      say(putRequest("w/part", WHOLE.length, asked), true),
      data(BEGINNING),
    ],
    weight: 2,
  },
  {
    name: "a resumed put",
    steps: [
      say(putRequest("w/part", WHOLE.length, asked), true),
      say({ type: "prefix", sha256: sha256Of(BEGINNING) }, true),
      data(WHOLE.subarray(BEGINNING.length)),
      end(WHOLE),
    ],
    weight: 3,
  },
  {
    name: "changes",
    steps: all(
      { type: "mkdir", path: "w/m/n", parents: true, mtime: 1e12 },
      { type: "mkdir", path: "w/m/n", parents: true, mtime: null },
      { type: "touch", path: "w/m", mtime: 0, executable: null },
      { type: "move", from: "w/m/n", to: "w/n", replace: true },
      { type: "remove", path: "w/m", recursive: true },
    ).concat(
      small("w/n/x"),
      all(
        { type: "touch", path: "w/n/x", ...touch },
        { type: "move", from: "w/n/x", to: "w/y", replace: true },
        { type: "remove", path: "w/n", recursive: true },
        { type: "remove", path: "w/y", recursive: false },
      ),
    ),
    weight: 4,
  },
  {
    name: "a parcel",
    steps: [
      say({ type: "compose", to: "canary", draft: DRAFT }, true),
      say(putRequest("part", WHOLE.length, asked), true),
      data(WHOLE),
      end(WHOLE),
      say(putRequest("a", SMALL.length)),
      data(SMALL),
      end(SMALL),
      ...all(
        { type: "deliver", draft: DRAFT, files: 2, message: "hi\n" },
        { type: "deliver", draft: DRAFT, files: 2, message: "hi\n" },
        { type: "unread" },
      ),
    ],
    weight: 2,
  },
  {
    name: "a parcel that is given up",
    steps: [
      say({ type: "compose", to: "canary", draft: DRAFT }, true),
      say(putRequest("a", SMALL.length)),
      data(SMALL),
      end(SMALL),
      ...all({ type: "abandon", draft: DRAFT }, { type: "ping" }),
    ],
    weight: 2,
  },
  {
    name: "an inbox",
    steps: all(
      { type: "inbox", before: null },
      { type: "leave" },
      { type: "unread" },
      { type: "block", user: "canary", blocked: true },
      { type: "blocked" },
      { type: "coming" },
      { type: "block", user: "canary", blocked: false },
    ),
    weight: 1,
  },
  {
    name: "requests ahead",
    steps: Array.from({ length: 40 }, () => say({ type: "stat", path: "" })),
    weight: 1,
  },
  {
    name: "logout",
    steps: all({ type: "ping" }, { type: "logout", all: false }),
    // A new account takes as long as a hundred other conversations.
    weight: 0.05,
  },
];

/** The frames of one, greeting included. */
export function stepsOf(session: Session, token: string): Step[] {
  return [...greeting(token), ...session.steps];
}
