/**
 * A server with files in memory that does what SPEC.md says, and nothing for
 * safety: for commands whose requests matter less than what they come to.
 */

import type { WireErrorCode } from "../../protocol/errors.ts";
import type {
  Entry,
  Request,
  RequestOf,
  Response,
} from "../../protocol/messages.ts";
import { remoteName, remoteParent } from "../../protocol/remote_path.ts";
import { type FakeServer, receiptOf } from "./fake_server.ts";
import { sha256Of, toBytes } from "./test_client.ts";

/** A file or folder. */
interface Node {
  kind: Entry["kind"];
  bytes: Uint8Array;
  mtime: number | null;
  executable: boolean;
}

/** What a test says about one: its text, or `null` for a folder. */
type Given = string | null | Partial<Node>;

/** The time that a folder gets when something in it changes. */
const NOW = 1_900_000_000_000;

export class FakeDisk {
  /** Entries of a page of a listing. */
  pageEntries = 3;
  /** Every request since the greeting, over all connections. */
  readonly requests: Request[] = [];
  /** Paths that are answered with an error, whatever is asked. */
  readonly broken = new Map<string, WireErrorCode>();
  /** Called before each request is carried out; false ends the connection. */
  before: (request: Request) => boolean = () => true;
  /** As `before`, behind it: it is carried out, and not answered. */
  after: (request: Request) => boolean = () => true;
  /** Bytes of files that came. */
  received = 0;
  readonly #nodes = new Map<string, Node>();

  /** Paths with what they are; folders above are made. */
  constructor(given: Record<string, Given> = {}) {
    this.#nodes.set("", nodeOf(null));
    for (const [path, what] of Object.entries(given)) this.set(path, what);
  }

  set(path: string, given: Given): void {
    this.#makeParents(path);
    this.#nodes.set(path, nodeOf(given));
  }

  remove(path: string): void {
    this.#nodes.delete(path);
  }

  get(path: string): Node | undefined {
    return this.#nodes.get(path);
  }

  /** All paths, folders with a slash, sorted. */
  paths(): string[] {
    return [...this.#nodes].filter(([path]) => path !== "")
      .map(([path, { kind }]) => kind === "folder" ? `${path}/` : path)
      .sort();
  }

  /** How many requests of a type came. */
  count(type: Request["type"]): number {
    return this.requests.filter((request) => request.type === type).length;
  }

  /** Answers until the client leaves; a script for play() and talk(). */
  async serve(server: FakeServer): Promise<void> {
    for (;;) {
      const request = await server.next();
      if (request === null) return;
      if (request instanceof Uint8Array) throw new Error("data came alone");
      this.requests.push(request);
      if (!this.before(request)) return server.close();
      const responses = await this.#answer(request, server);
      if (!this.after(request)) return server.close();
      if (responses) await server.say(...responses);
    }
  }

  async #answer(
    request: Request,
    server: FakeServer,
  ): Promise<Response[] | undefined> {
    try {
      if (request.type === "put") return [await this.#put(request, server)];
      if (request.type === "get") {
        const { bytes, mtime, executable } = this.#file(request.path);
        await server.sayFile(bytes, { mtime, executable });
        return undefined;
      }
      return this.#simple(request);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { code } = error;
      return [{ type: "error", code, message: `refused: ${code}` }];
    }
  }

  #simple(request: Request): Response[] {
    switch (request.type) {
      case "ping":
        return [{ type: "pong" }];
      case "stat": {
        const entry = this.#entry(request.path);
        return [{ type: "entry", entry }];
      }
      case "list":
        return this.#list(request.path);
      case "digest": {
        const { bytes } = this.#file(request.path);
        return [{ type: "done", sha256: sha256Of(bytes) }];
      }
      case "mkdir":
        this.#mkdir(request);
        return [{ type: "ok" }];
      case "move":
        this.#move(request);
        return [{ type: "ok" }];
      case "remove":
        this.#remove(request);
        return [{ type: "ok" }];
      case "touch": {
        const node = this.#node(request.path);
        node.mtime = request.mtime ?? node.mtime;
        node.executable = request.executable ?? node.executable;
        return [{ type: "ok" }];
      }
      default:
        throw new Error(`'${request.type}' came`);
    }
  }

  async #put(
    request: RequestOf<"put">,
    server: FakeServer,
  ): Promise<Response> {
    const { path, mtime, executable } = request;
    if (request.ask) await server.say({ type: "continue", offset: 0 });
    const { bytes, end } = await server.uploaded(request);
    this.received += bytes.length;
    if (end.type === "cancel") return { type: "cancelled" };
    this.#check(path);
    const old = this.#nodes.get(path);
    if (old && !request.replace) throw new Refused("exists");
    if (old && old.kind !== "file") throw new Refused("is-folder");
    this.#makeParents(path);
    this.#nodes.set(path, { kind: "file", bytes, mtime, executable });
    this.#touchParent(path);
    return receiptOf(bytes, { mtime });
  }

  #list(path: string): Response[] {
    if (this.#node(path).kind !== "folder") throw new Refused("not-folder");
    const entries = this.#children(path).map((child) => this.#entry(child));
    const pages: Response[] = [];
    const size = this.pageEntries;
    for (let at = 0; at === 0 || at < entries.length; at += size) {
      const more = at + size < entries.length;
      const page = entries.slice(at, at + size);
      pages.push({ type: "entries", entries: page, more });
    }
    return pages;
  }

  #mkdir({ path, parents, mtime }: RequestOf<"mkdir">): void {
    this.#check(path);
    const old = this.#nodes.get(path);
    if (old && old.kind !== "folder") {
      throw new Refused(parents ? "not-folder" : "exists");
    }
    if (old && !parents) throw new Refused("exists");
    if (parents) this.#makeParents(path);
    else this.#node(remoteParent(path));
    const node = old ?? nodeOf(null);
    node.mtime = mtime ?? node.mtime;
    this.#nodes.set(path, node);
    if (!old) this.#touchParent(path);
  }

  #move({ from, to, replace }: RequestOf<"move">): void {
    const node = this.#node(from);
    this.#check(to);
    this.#node(remoteParent(to));
    const old = this.#nodes.get(to);
    if (from === "" || to.startsWith(`${from}/`)) throw new Refused("denied");
    if (old && !replace) throw new Refused("exists");
    if (old && old.kind !== node.kind) {
      throw new Refused(node.kind === "folder" ? "not-folder" : "is-folder");
    }
    if (old?.kind === "folder" && this.#children(to).length > 0) {
      throw new Refused("exists");
    }
    const moved = [...this.#nodes].filter(([path]) => isIn(path, from));
    for (const [path] of moved) this.#nodes.delete(path);
    for (const [path, node] of moved) {
      this.#nodes.set(to + path.slice(from.length), node);
    }
    this.#touchParent(from);
    this.#touchParent(to);
  }

  #remove({ path, recursive }: RequestOf<"remove">): void {
    const { kind } = this.#node(path);
    if (path === "") throw new Refused("denied");
    if (kind === "folder" && !recursive) throw new Refused("is-folder");
    for (const other of [...this.#nodes.keys()]) {
      if (isIn(other, path)) this.#nodes.delete(other);
    }
    this.#touchParent(path);
  }

  #touchParent(path: string): void {
    this.#nodes.get(remoteParent(path))!.mtime = NOW;
  }

  #check(path: string): void {
    const code = this.broken.get(path);
    if (code) throw new Refused(code);
  }

  #node(path: string): Node {
    this.#check(path);
    for (let above = path; above !== "";) {
      above = remoteParent(above);
      const kind = this.#nodes.get(above)?.kind ?? "folder";
      if (kind !== "folder") throw new Refused("not-folder");
    }
    const node = this.#nodes.get(path);
    if (!node) throw new Refused("not-found");
    return node;
  }

  #file(path: string): Node {
    const node = this.#node(path);
    if (node.kind === "folder") throw new Refused("is-folder");
    return node;
  }

  #entry(path: string): Entry {
    const { kind, bytes, mtime, executable } = this.#nodes.get(path) ??
      this.#node(path);
    const name = remoteName(path);
    return { name, kind, size: bytes.length, mtime, executable };
  }

  /** In no order that a client could rely on. */
  #children(path: string): string[] {
    return [...this.#nodes.keys()]
      .filter((child) => child !== "" && remoteParent(child) === path)
      .sort().reverse();
  }

  #makeParents(path: string): void {
    for (let above = remoteParent(path); above !== "";) {
      const node = this.#nodes.get(above) ?? nodeOf(null);
      if (node.kind !== "folder") throw new Refused("not-folder");
      this.#nodes.set(above, node);
      above = remoteParent(above);
    }
  }
}

class Refused extends Error {
  readonly code: WireErrorCode;

  constructor(code: WireErrorCode) {
    super(code);
    this.code = code;
  }
}

function nodeOf(given: Given): Node {
  const isText = typeof given === "string";
  return {
    kind: given === null ? "folder" : "file",
    bytes: toBytes(isText ? given : ""),
    mtime: null,
    executable: false,
    ...(isText ? {} : given),
  };
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
