/**
 * Every command, and how it meets each way in which a command can fail: the
 * table that contract_test.ts walks.
 *
 * To add a command: an entry under its whole name (`admin users`), with an `ok`
 * command line that succeeds and can be given again, and for each class of
 * SPECIFIC either a command line that fails so or why there is none. The classes
 * of GENERAL are tried with the `ok` line by themselves; an entry may name
 * another line for them, or say why they cannot be. `...LOCAL` and the like are
 * what several commands have in common. A new failure class is a line of
 * SPECIFIC and one in each entry, which the type checker then asks for.
 *
 * Each process has its own folders, with the same in them here and as `{n}` on
 * the server: `f`, `d/f` and the empty folder `e`.
 */

import { FakeDisk } from "../helpers/fake_disk.ts";
import { receiptOf } from "../helpers/fake_server.ts";
import type { Lie } from "../helpers/lying_server.ts";
import { UNSHARED_NETWORK } from "../helpers/needs.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { sha256Of, toBytes } from "../helpers/test_client.ts";

/** Failures that each command meets in its own way, with their exit status. */
export const SPECIFIC = {
  "no terminal": 2,
  "not found": 3,
  "wrong password": 4,
  "refused": 6,
  "quota": 6,
  "integrity": 7,
  "partial": 8,
} as const;

/** Failures that any command line can meet. */
export const GENERAL = {
  "usage": 2,
  "not logged in": 4,
  "unreachable": 5,
  "connection lost": 5,
  "identity": 10,
  "SIGINT": 130,
  "SIGTERM": 143,
  "stdout full": 1,
  "stdout closed": 141,
} as const;

export const FAILURES = { ...SPECIFIC, ...GENERAL };
export type Failure = keyof typeof FAILURES;

/** One command line. */
export interface Try {
  /**
   * Words between blanks. `{n}` is the process's own folder on the server,
   * `{server}` its address, `{root}` what it serves,
   * `{parcel}` the number of one in the inbox of ann, for this line alone.
   */
  args: string;
  /** @default nothing */
  stdin?: string;
  /** Given before it, in the same home; it succeeds. */
  before?: Try;
  /** Who has the session. @default ann */
  user?: "carl" | "nobody";
  /** It goes on until this signal, which comes once it has said something. */
  ends?: Deno.Signal;
  /** The server is one that does this instead. */
  lie?: Lie;
  /** Runs it in a network of its own, where the system lets tests make such. */
  via?: readonly string[];
  /** What takes part may answer late on a busy machine: it is then given again. */
  isTimed?: true;
  /** Somebody uploads meanwhile. */
  isBusy?: true;
}

/** Why a command cannot fail in a way. */
export interface Never {
  never: string;
}

type Row = string | Try | Never;

export type CommandWalk =
  & { ok: string | Try; isSlow?: true }
  & Record<keyof typeof SPECIFIC, Row>
  & Partial<Record<keyof typeof GENERAL, Row>>;

function never(reason: string): Never {
  return { never: reason };
}

const PASSWORDLESS = {
  "no terminal": never("asks for nothing"),
  "wrong password": never("takes no password"),
} as const;

const NO_CONTENT = {
  "quota": never("stores nothing"),
  "integrity": never("moves no content of files"),
} as const;

const ONE_THING = { "partial": never("does one thing") } as const;

const SERVERLESS = {
  "not logged in": never("needs no session"),
  "unreachable": never("asks no server"),
  "connection lost": never("asks no server"),
  "identity": never("asks no server"),
} as const;

const BRIEF = {
  "SIGINT": never("waits for nothing"),
  "SIGTERM": never("waits for nothing"),
} as const;

/** What `netdisk admin` has in common. */
const ADMIN = { ...SERVERLESS, ...BRIEF, ...NO_CONTENT, ...ONE_THING } as const;

/** What prints a text that the program has. */
const TEXTS = {
  ...SERVERLESS,
  ...BRIEF,
  ...PASSWORDLESS,
  ...NO_CONTENT,
  ...ONE_THING,
  "refused": never("changes nothing"),
} as const;

/** What `netdisk config` has in common. */
const CONFIG = {
  ...SERVERLESS,
  ...BRIEF,
  ...PASSWORDLESS,
  ...NO_CONTENT,
  ...ONE_THING,
  "refused": never("a name that is none is a usage error"),
} as const;

/** What takes its time on purpose is only tried where it matters. */
const HASHING = {
  isSlow: true,
  "stdout full": never("says on stdout only that it is done"),
  "stdout closed": never("says on stdout only that it is done"),
} as const;

const SERVED: Try = {
  args: "serve --root served --listen 127.0.0.1:0 --no-discovery",
  ends: "SIGTERM",
};

const FROM_STDIN = "--password-stdin";
const WRONG = "not the password";
const twice = (first: string) => `${first}\n${PASSWORD}\n`;

const NAMED: Try = { args: "config name {server} home" };

/** On a network where nobody is, and on none. */
const ALONE = [
  ...UNSHARED_NETWORK,
  ...["sh", "-c", 'ip link set lo up && exec "$@"', "-"],
];
const CUT_OFF = UNSHARED_NETWORK;

const LOGIN: Try = {
  args: `login ann --server {server} ${FROM_STDIN}`,
  stdin: PASSWORD,
};

const UNREADABLE_FOLDER: Lie = async (server) => {
  const disk = new FakeDisk({ "d/f": "", "f": "" });
  disk.broken.set("d", "denied");
  await disk.serve(server);
};

export const WALK: Readonly<Record<string, CommandWalk>> = {
  "serve": {
    ok: SERVED,
    ...PASSWORDLESS,
    ...SERVERLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    // The log on stderr is not for scripts; what it tells on stdout is.
    "stdout full": never("its log is on stderr as well"),
    "stdout closed": never("its log is on stderr as well"),
    "not found": never("makes its root"),
    "refused": never("what it refuses is in the way of the system: 1"),
    "SIGINT": never("ends well: it is how a server is stopped"),
    "SIGTERM": never("ends well: it is how a server is stopped"),
  },
  "admin": {
    ok: "help admin",
    ...ADMIN,
    ...PASSWORDLESS,
    "not found": never("does nothing by itself"),
    "refused": never("does nothing by itself"),
  },
  "admin users": {
    ok: "admin users --root {root}",
    ...ADMIN,
    ...PASSWORDLESS,
    "not found": "admin users --root none",
    "refused": never("changes nothing"),
  },
  "admin invite": {
    ok: "admin invite --root {root}",
    ...ADMIN,
    ...PASSWORDLESS,
    "not found": "admin invite --root none",
    "refused": never("takes no names"),
  },
  "admin passwd": {
    ok: {
      args: `admin passwd bob --root {root} ${FROM_STDIN}`,
      stdin: PASSWORD,
    },
    ...ADMIN,
    ...HASHING,
    "no terminal": "admin passwd bob --root {root}",
    "not found": {
      args: `admin passwd nobody --root {root} ${FROM_STDIN}`,
      stdin: PASSWORD,
    },
    "wrong password": {
      args: `admin passwd bob --root {root} ${FROM_STDIN}`,
      stdin: "short",
    },
    "refused": never("the account is there, or it is not found"),
  },
  "admin quota": {
    ok: "admin quota bob 5G --root {root}",
    ...ADMIN,
    ...PASSWORDLESS,
    "not found": "admin quota nobody --root {root}",
    "refused": never("the account is there, or it is not found"),
  },
  "admin remove": {
    ok: "admin remove {n} --files --yes --root {root}",
    ...ADMIN,
    "no terminal": "admin remove bob --root {root}",
    "not found": "admin remove nobody --yes --root {root}",
    "wrong password": never("takes no password"),
    "refused": never("the account is there, or it is not found"),
  },
  "admin sessions": {
    ok: "admin sessions --root {root}",
    ...ADMIN,
    ...PASSWORDLESS,
    "not found": "admin sessions nobody --root {root}",
    "refused": never("the account is there, or it is not found"),
  },
  "status": {
    ok: { args: "status --root {root} --check", isBusy: true },
    ...SERVERLESS,
    ...BRIEF,
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": "status --root none",
    "refused": never("changes nothing"),
    "unreachable": never("also shows what is known: status_test.ts"),
  },
  "register": {
    ok: {
      args: `register {n} --server {server} ${FROM_STDIN}`,
      stdin: PASSWORD,
    },
    ...NO_CONTENT,
    ...ONE_THING,
    ...HASHING,
    "no terminal": "register {n} --server {server}",
    "not found": "register {n} --server {server} --password-file none",
    "wrong password": {
      args: `register {n} --server {server} ${FROM_STDIN}`,
      stdin: "short",
    },
    "refused": {
      args: `register ann --server {server} ${FROM_STDIN}`,
      stdin: PASSWORD,
    },
    "not logged in": never("needs no session"),
  },
  "login": {
    ok: LOGIN,
    ...NO_CONTENT,
    ...ONE_THING,
    ...HASHING,
    "no terminal": "login ann --server {server}",
    "not found": "login ann --server {server} --password-file none",
    "wrong password": { ...LOGIN, args: LOGIN.args.replace("ann", "nobody") },
    "refused": { ...LOGIN, args: LOGIN.args.replace("ann", "ANN") },
    "not logged in": never("needs no session"),
  },
  "logout": {
    // Of a session of its own: the others share one.
    ok: { args: "logout", before: LOGIN },
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    ...HASHING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
  },
  "passwd": {
    ok: {
      args: `passwd ${FROM_STDIN}`,
      stdin: twice(PASSWORD),
      user: "carl",
    },
    ...NO_CONTENT,
    ...ONE_THING,
    ...HASHING,
    "no terminal": "passwd",
    "not found": "passwd --password-file none --new-password-file none",
    "wrong password": {
      args: `passwd ${FROM_STDIN}`,
      stdin: twice(WRONG),
      user: "carl",
    },
    "refused": never("takes no names"),
  },
  "sessions": {
    ok: "sessions",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
  },
  "whoami": {
    ok: "whoami",
    ...SERVERLESS,
    ...BRIEF,
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
    "not logged in": { args: "whoami", user: "nobody" },
  },
  "ls": {
    ok: "ls {n}",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "ls {n}/none",
    "refused": "ls {n}/f/x",
    "partial": "ls {n} {n}/none",
  },
  "put": {
    ok: "put f --to {n}/f",
    ...PASSWORDLESS,
    "not found": "put none",
    "refused": "put f --to a/../b",
    "quota": "put large",
    "integrity": {
      args: "put f",
      lie: async (server) => {
        const { bytes } = await server.upload();
        await server.say(receiptOf(bytes, { sha256: sha256Of("another") }));
      },
    },
    "partial": "put f none --to {n}/",
  },
  "get": {
    ok: "get {n}/f --to f",
    ...PASSWORDLESS,
    "not found": "get {n}/none",
    "refused": "get {n}/d",
    "quota": never("stores nothing on the server"),
    "integrity": {
      args: "get f",
      lie: async (server) => {
        await server.request("get");
        const facts = { mtime: null, executable: false, offset: 0 };
        await server.say({ type: "file", size: 3, ...facts });
        await server.sayData(toBytes("abc"));
        await server.say({ type: "done", sha256: sha256Of("another") });
      },
    },
    "partial": "get {n}/f {n}/none",
  },
  "send": {
    // Two that send the same at a time are one to the server: both go on with it.
    ok: "send ann f -m {n}",
    ...PASSWORDLESS,
    "not found": "send ann none",
    "refused": "send ann d",
    "quota": "send ann large",
    "integrity": never("as of put"),
    "partial": never("sends all or nothing"),
  },
  "inbox": {
    ok: "inbox",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
  },
  "inbox read": {
    ok: "inbox read 1",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": "inbox read 99999",
    "refused": never("takes a number"),
  },
  "inbox save": {
    ok: "inbox save {parcel} --to {n}/new",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "inbox save 99999",
    "refused": "inbox save 1 --to {n}/f",
    "partial": "inbox save {parcel} 99999 --to {n}/new",
  },
  "inbox get": {
    ok: "inbox get 1 --to new/",
    ...PASSWORDLESS,
    "not found": "inbox get 99999",
    "refused": "inbox get 1 --to f",
    "quota": never("stores nothing on the server"),
    "integrity": never("as of get"),
    "partial": "inbox get 1 99999 --to new/",
  },
  "inbox delete": {
    ok: "inbox delete {parcel}",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "inbox delete 99999",
    "refused": never("takes numbers"),
    "partial": "inbox delete {parcel} 99999",
  },
  "inbox block": {
    ok: "inbox block carl",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": "inbox block none",
    "refused": "inbox block A",
  },
  "inbox unblock": {
    ok: "inbox unblock carl",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("who is not blocked stays so"),
    "refused": "inbox unblock A",
  },
  "inbox blocked": {
    ok: { args: "inbox blocked", before: { args: "inbox block bob" } },
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
  },
  "sync": {
    ok: "sync d {n}/sync",
    ...PASSWORDLESS,
    "not found": "sync --pull d {n}/none",
    "refused": "sync f {n}",
    "quota": never("one of several: partial"),
    "integrity": never("one of several: partial"),
    // A file meets a folder.
    "partial": "sync swapped {n}",
  },
  "mkdir": {
    ok: "mkdir {n}/new",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "mkdir {n}/none/x",
    "refused": "mkdir {n}/d",
    "partial": "mkdir {n}/new {n}/d",
  },
  "mv": {
    ok: "mv {n}/f {n}/g",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "mv {n}/none {n}/g",
    "refused": "mv {n}/f {n}/d/f/x",
    "partial": "mv {n}/f {n}/none {n}/d",
  },
  "rm": {
    ok: "rm {n}/f",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "rm {n}/none",
    "refused": "rm {n}/d",
    "partial": "rm {n}/f {n}/none",
  },
  "tree": {
    ok: "tree {n}",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "tree {n}/none",
    "refused": "tree {n}/f",
    "partial": { args: "tree", lie: UNREADABLE_FOLDER },
  },
  "du": {
    ok: "du {n}",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "du {n}/none",
    "refused": "du {n}/f/x",
    "partial": "du {n} {n}/none",
  },
  "quota": {
    ok: "quota",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
  },
  "stat": {
    ok: "stat --checksum {n}/f {n}/d",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    "not found": "stat {n}/none",
    "refused": "stat {n}/f/x",
    "partial": "stat {n}/f {n}/none",
  },
  "ping": {
    ok: "ping -c 1 --server {server}",
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": never("names nothing"),
    "refused": never("takes no names"),
    "not logged in": never("needs no session"),
  },
  "discover": {
    ok: { args: "discover", isTimed: true },
    ...PASSWORDLESS,
    ...NO_CONTENT,
    ...ONE_THING,
    "not found": { args: "discover", via: ALONE },
    "refused": never("takes no names"),
    "not logged in": never("needs no session"),
    "unreachable": { args: "discover", via: CUT_OFF },
    "connection lost": never("makes no connection"),
    "identity": never("knows no server"),
  },
  "config": {
    ok: "config",
    ...CONFIG,
    "not found": never("names nothing"),
  },
  "config name": {
    ok: NAMED,
    ...CONFIG,
    "not found": "config name none home",
  },
  "config unname": {
    ok: { args: "config unname home", before: NAMED },
    ...CONFIG,
    "not found": "config unname none",
  },
  "config forget": {
    ok: "config forget {server}",
    ...CONFIG,
    "not found": "config forget none",
  },
  "completions": {
    ok: "completions bash",
    ...TEXTS,
    "not found": never("another shell is a usage error"),
  },
  "man": {
    ok: "man",
    ...TEXTS,
    "not found": never("names nothing"),
  },
  "help": {
    ok: "help put",
    ...TEXTS,
    "not found": never("a topic that is none is a usage error"),
    "usage": "help none",
  },
};

/** More lines that succeed, for objects and fields which those of WALK do not show. */
export const MORE: readonly (string | Try)[] = [
  "--version",
  "put -r d --to {n}/put/",
  "put -r -n d --to {n}/put/",
  "put --no-clobber f --to {n}/f",
  "put -n --no-clobber f --to {n}/f",
  "get -r {n}/d --to got",
  "get -r -n {n}/d --to got",
  "get --no-clobber {n}/f --to f",
  { args: "inbox get 1", before: { args: "inbox get 1 --replace" } },
  "sync --delete d {n}",
  "sync --pull d2 {n}",
  "sync -n --delete d {n}",
  "sync --checksum d {n}",
  "sync links {n}",
  "mv -n {n}/f {n}/g",
  "mv --no-clobber {n}/f {n}/d/f",
  "rm -n {n}/f",
  "rm -r {n}/d",
  "ls -R {n}",
  "admin quota bob --root {root}",
  "admin sessions bob --end --root {root}",
  { args: "status --root served", before: SERVED },
];
