/**
 * A server without sockets and threads: real files in a folder of their own, a
 * real database, sessions over connections in memory. What it logs is kept.
 */

import { scryptSync } from "node:crypto";
import { FrameChannel } from "../../protocol/channel.ts";
import { Accounts } from "../../server/accounts.ts";
import { type Counters, newCounters } from "../../server/counters.ts";
import { type Database, openDatabase } from "../../server/database.ts";
import { plainFolders } from "../../server/folder_reader.ts";
import type { Reserve } from "../../server/free_space.ts";
import { flushLog } from "../../server/log.ts";
import { LiveSessions } from "../../server/live_sessions.ts";
import type { PasswordHasher, StoredPassword } from "../../server/passwords.ts";
import { PostOffice } from "../../server/post_office.ts";
import { limitsIn } from "../../server/quota_limits.ts";
import { Session } from "../../server/session.ts";
import { RequestTurns } from "../../server/request_turns.ts";
import { Storage } from "../../server/storage.ts";
import { dataFolder, uploadsFolder } from "../../server/storage_path.ts";
import type { Registration } from "../../server/worker_messages.ts";
import { within } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { type MemoryOptions, memoryPair } from "../helpers/memory_conn.ts";
import { type FolderLine, pagedFolders } from "../helpers/paged_folders.ts";
import { CHEAP } from "../helpers/password_line.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { HELLO, TestClient } from "../helpers/test_client.ts";

export const PASSWORD = "correct horse";

/** What the password worker does, without the start of a worker for each test. */
const hasher = {
  parameters: CHEAP,
  hash(password: string): Promise<StoredPassword> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    return Promise.resolve({ ...CHEAP, salt, hash: scrypt(password, salt) });
  },
  verify(password: string, stored: StoredPassword): Promise<boolean> {
    const hash = scrypt(password, stored.salt);
    return Promise.resolve(hash.every((byte, i) => byte === stored.hash[i]));
  },
} as PasswordHasher;

function scrypt(password: string, salt: Uint8Array): Uint8Array {
  const { n, r, p } = CHEAP;
  return new Uint8Array(scryptSync(password, salt, 32, { N: n, r, p }));
}

/** The lines that the server logs, kept from the terminal. */
export class LogRecorder implements Disposable {
  #text = "";
  #replaced: Disposable;

  constructor() {
    // What came before is not this recorder's.
    flushLog();
    const decoder = new TextDecoder();
    this.#replaced = replace(Deno.stderr, "writeSync", () => (bytes) => {
      this.#text += decoder.decode(bytes, { stream: true });
      return bytes.length;
    });
  }

  /** All of it as it was written. */
  get text(): string {
    flushLog();
    return this.#text;
  }

  /** The lines, without their times, that tell of `event`. */
  lines(event = ""): string[] {
    flushLog();
    return this.#text.split("\n").slice(0, -1)
      .map((line) => line.slice(line.indexOf(" ") + 1))
      .filter((line) => line.startsWith(event));
  }

  [Symbol.dispose](): void {
    flushLog();
    this.#replaced[Symbol.dispose]();
  }
}

export interface ConnectOptions extends MemoryOptions {
  registration?: Registration;
  /** `HOST:PORT` of the client. */
  address?: string;
  /** False for a user with too many connections. */
  admitUser?: (user: string) => boolean;
}

/** A client with the session that serves it. */
export class Connected extends TestClient {
  readonly session: Session;
  /** Resolves when the session has ended. */
  readonly ended: Promise<void>;

  constructor(services: Fixture, options: ConnectOptions = {}) {
    const [there, here] = memoryPair(options);
    super(here);
    const channel = new FrameChannel(there);
    this.session = new Session(channel, services, {
      address: options.address ?? "192.0.2.1:5000",
      registration: options.registration ?? "open",
      ...(options.admitUser ? { admitUser: options.admitUser } : {}),
    });
    this.ended = this.session.run();
  }

  override async rest() {
    const answers = await super.rest();
    await within("the end of the session", this.ended);
    return answers;
  }
}

/** A server's parts over one storage root. */
export class Fixture implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly log: LogRecorder = new LogRecorder();
  readonly storage: Storage;
  readonly accounts: Accounts;
  readonly office: PostOffice;
  readonly live: LiveSessions;
  readonly turns: RequestTurns = new RequestTurns(() => this.live.size);
  readonly counters: Counters = newCounters();
  #database: Database;
  #clients: Connected[] = [];
  #tokens = new Map<string, string>();
  #line: FolderLine | undefined;

  /**
   * @param isPaged reads large folders as a server does that is a process
   * @param quota bytes that each user may have
   * @param leastCost the least that anything counts of them
   */
  constructor(
    reserve: Reserve | null = null,
    isPaged = false,
    quota: number | null = null,
    leastCost = 0,
  ) {
    this.#line = isPaged ? pagedFolders(this.root) : undefined;
    this.storage = new Storage(this.root, {
      minFree: reserve,
      folders: this.#line?.folders ?? plainFolders,
      limitOf: (user) => limitsIn(this.#database, quota)(user),
      leastCost,
    });
    this.storage.prepare();
    this.#database = openDatabase(dataFolder(this.root));
    this.accounts = new Accounts(this.#database, hasher);
    this.office = new PostOffice(this.#database, this.storage.parcels);
    this.live = new LiveSessions(this.accounts, this.#database);
  }

  /** A connection that has said nothing yet. */
  connect(options: ConnectOptions = {}): Connected {
    const client = new Connected(this, options);
    this.#clients.push(client);
    return client;
  }

  /** A connection that has logged in; the first one of a user registers. */
  async login(
    user = "ann",
    options: ConnectOptions = {},
  ): Promise<Connected> {
    const client = this.connect(options);
    await client.ask(HELLO, "hello");
    const token = this.#tokens.get(user);
    const { token: newToken } = await client.ask(
      token
        ? { type: "authenticate", token }
        : { type: "register", user, password: PASSWORD, invite: null },
      "session",
    );
    if (newToken) this.#tokens.set(user, newToken);
    return client;
  }

  /** The token of a user who has registered by {@link login}. */
  tokenOf(user: string): string {
    return this.#tokens.get(user)!;
  }

  /** The disk path of a user's file. */
  path(path: string, user = "ann"): string {
    return `${this.root}/users/${user}/${path}`;
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.path(path));
  }

  /** Puts a file there as an admin would. */
  write(path: string, content: string): void {
    Deno.writeTextFileSync(this.path(path), content);
  }

  /** The files of uploads that are not finished. */
  uploads(): string[] {
    return filesBelow(uploadsFolder(this.root));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) {
      client.close();
      await within("the end of a session", client.ended);
    }
    // What was removed may still be being deleted.
    await this.storage.sweep();
    this.#line?.[Symbol.dispose]();
    this.#database.close();
    this.log[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}
