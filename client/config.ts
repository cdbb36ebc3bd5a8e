/**
 * What the client remembers between two commands: servers, how to know them,
 * and the sessions on them. One JSON file, readable by its owner only. No
 * password is ever in it.
 */

import { join } from "@std/path";
import { FINGERPRINT, TOKEN } from "../protocol/credentials.ts";
import { NetdiskError } from "../protocol/errors.ts";
import * as schema from "../protocol/schema.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { checkPrivateFile, checkPrivateFolder } from "./private_files.ts";
import { shortNameFault } from "./server_names.ts";

/**
 * How a server is known: by the certificate seen first, or by the signature of
 * an authority, a public one or the one whose certificate is given. All PEM.
 */
export type Trust =
  | { kind: "pin"; fingerprint: string; certificate: string }
  | { kind: "authority"; certificate: string | null };

/** A session on a server. */
export interface SavedSession {
  user: string;
  token: string;
  /** Milliseconds since 1970. */
  expires: number;
}

/** Everything about one server, by its `HOST:PORT`. */
export interface SavedServer {
  address: string;
  /** What it is called here; no other server has the name. */
  name?: string;
  trust: Trust | null;
  /** The account of the last login. */
  user: string | null;
  sessions: SavedSession[];
}

/** The whole file. */
export interface ConfigData {
  version: 1;
  /** Address of the last login. */
  server: string | null;
  servers: SavedServer[];
}

/** More than anybody uses; a damaged file cannot take all memory. */
const MAX_SERVERS = 1000;
const MAX_CERTIFICATE = 256 * 1024;
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

const optionalTrust: schema.Schema<Trust | null> = schema.nullable(
  (value, at): Trust => {
    const kind = (value as { kind?: unknown } | undefined)?.kind;
    return kind === "pin"
      ? schema.object({
        kind: schema.oneOf(["pin"]),
        fingerprint: schema.text(43, FINGERPRINT),
        certificate: schema.text(MAX_CERTIFICATE),
      })(value, at)
      : schema.object({
        kind: schema.oneOf(["authority"]),
        certificate: schema.nullable(schema.text(MAX_CERTIFICATE)),
      })(value, at);
  },
);

const serverFields = {
  address: schema.text(300),
  trust: optionalTrust,
  user: schema.nullable(schema.text(64)),
  sessions: schema.list(
    schema.object({
      user: schema.text(64),
      token: schema.text(43, TOKEN),
      expires: schema.integer(-8.64e15, 8.64e15),
    }),
    MAX_SERVERS,
  ),
};
const namelessServer = schema.object(serverFields);
const namedServer = schema.object({
  ...serverFields,
  name: schema.checkedText(300, shortNameFault),
});

// Without names the file is one that every netdisk before them reads as well.
const serverSchema: schema.Schema<SavedServer> = (value, at) =>
  Object.hasOwn(Object(value), "name")
    ? namedServer(value, at)
    : namelessServer(value, at);

const configSchema = schema.object({
  version: (value, at) =>
    value === 1 ? 1 as const : schema.refuse(at, "is not 1"),
  server: schema.nullable(schema.text(300)),
  servers: schema.list(serverSchema, MAX_SERVERS),
});

/** The folder of the client's files. @throws NetdiskError without a home */
export function configFolder(
  env: (name: string) => string | undefined,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  return findConfigFolder(env, os).path;
}

/** The same, with the variable that names it or the folder above. @throws NetdiskError without a home */
export function findConfigFolder(
  env: (name: string) => string | undefined,
  os: typeof Deno.build.os = Deno.build.os,
): { path: string; variable: string } {
  const windows = os === "windows";
  const places: (readonly [variable: string, ...below: string[]])[] = [
    ["NETDISK_CONFIG_DIR"],
    [windows ? "APPDATA" : "XDG_CONFIG_HOME", "netdisk"],
    ...windows ? [] : [["HOME", ".config", "netdisk"] as const],
  ];
  for (const [variable, ...below] of places) {
    const base = env(variable);
    if (!base) continue;
    return { path: below.length === 0 ? base : join(base, ...below), variable };
  }
  throw new NetdiskError(
    "local-io",
    "there is no home folder to keep sessions in",
    {
      hint: "set NETDISK_CONFIG_DIR to a folder of yours",
    },
  );
}

/** Reads and changes the config file in one folder. */
export class Config {
  #folder: string;
  #path: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "servers.json");
  }

  /** Where the file is, or would be. */
  get path(): string {
    return this.#path;
  }

  /** @throws NetdiskError when the file is damaged or not its owner's alone */
  read(): ConfigData {
    let text: string;
    try {
      this.#checkPrivate();
      text = Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return emptyConfig();
      throw this.#failure(error);
    }
    return this.#check(() => JSON.parse(text));
  }

  /**
   * Changes the file: written beside it and renamed, under a lock, so that
   * neither a crash nor a second netdisk loses what is there.
   */
  update(change: (data: ConfigData) => void): void {
    try {
      Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      checkPrivateFolder(this.#folder);
      using lock = Deno.openSync(join(this.#folder, "lock"), {
        write: true,
        create: true,
        mode: 0o600,
      });
      lock.lockSync(true);
      const data = this.read();
      change(data);
      // What a server said is in it, too: never write what cannot be read.
      this.#check(() => data);
      this.#write(JSON.stringify(data, null, 2) + "\n");
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #write(text: string): void {
    // One name for all: under the lock, what is there was left by a crash.
    const temporary = `${this.#path}.new`;
    try {
      removeIfThere(temporary);
      const file = Deno.openSync(temporary, {
        write: true,
        createNew: true,
        mode: 0o600,
      });
      try {
        const bytes = new TextEncoder().encode(text);
        for (let at = 0; at < bytes.length;) {
          at += file.writeSync(bytes.subarray(at));
        }
        file.syncSync();
      } finally {
        file.close();
      }
      Deno.renameSync(temporary, this.#path);
    } catch (error) {
      try {
        removeIfThere(temporary);
      } catch {
        // The first failure is the one to tell.
      }
      throw error;
    }
  }

  /** @throws NetdiskError when it is not the content of a config file */
  #check(content: () => unknown): ConfigData {
    try {
      return configSchema(content(), "the file");
    } catch (cause) {
      const known = cause instanceof NetdiskError;
      // The parser's own words quote the text, which holds secrets.
      const reason = known ? cause.message : "the file is not JSON";
      throw new NetdiskError("local-io", `${this.#path}: ${reason}`, {
        hint: known
          ? "a newer netdisk may have written it: use that one, or move the file away and log in again"
          : "move the file away and log in again",
        ...(known ? { cause } : {}),
      });
    }
  }

  #checkPrivate(): void {
    // First: whoever can change the folder can change the file behind our back.
    checkPrivateFolder(this.#folder);
    const { size } = checkPrivateFile(this.#path);
    if (size <= MAX_CONFIG_BYTES) return;
    throw new NetdiskError("local-io", `${this.#path}: the file is too large`);
  }

  #failure(cause: unknown): NetdiskError {
    if (cause instanceof NetdiskError) return cause;
    const reason = systemReason(cause);
    return new NetdiskError("local-io", `${this.#path}: ${reason}`, { cause });
  }
}

/** The entry of a server, made when it is missing. */
export function savedServer(data: ConfigData, address: string): SavedServer {
  let server = data.servers.find((s) => s.address === address);
  if (!server) {
    server = { address, trust: null, user: null, sessions: [] };
    data.servers.push(server);
  }
  return server;
}

/** What a short name takes away where it is given. */
export interface Renaming {
  /** The address of the server that had the name until now. */
  before: string | undefined;
  /** The other name that the server had until now. */
  lost: string | undefined;
}

/** Gives a server a short name, instead of the one that it had. */
export function nameServer(
  data: ConfigData,
  server: SavedServer,
  name: string,
): Renaming {
  const others = data.servers.filter((s) => s.name === name && s !== server);
  // Several only in a file that was written by hand.
  for (const other of others) delete other.name;
  const lost = server.name === name ? undefined : server.name;
  server.name = name;
  return { before: others[0]?.address, lost };
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function emptyConfig(): ConfigData {
  return { version: 1, server: null, servers: [] };
}
