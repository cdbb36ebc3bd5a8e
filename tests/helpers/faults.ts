/**
 * Faults and observation at the border to the operating system: what a disk
 * does, in which order, and how it fails. Everything that is replaced here
 * comes back when the result is disposed.
 */

import { relative } from "@std/path";

/** Replaces a method until the result is disposed. */
export function replace<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): Disposable {
  const original = target[name];
  target[name] = make(original);
  return { [Symbol.dispose]: () => void (target[name] = original) };
}

/** An error as Deno throws it for an errno that has no class of its own. */
export function osError(code: string): Error {
  return Object.assign(new Error(`injected (${code})`), { code });
}

/** What the descriptors of a process, this one if none is named, are open on below `root`. */
export function descriptorsBelow(
  root: string,
  pid: number | "self" = "self",
): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const path = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      if (path.startsWith(`${root}/`)) found.push(path.slice(root.length + 1));
    } catch {
      // The one with which the list itself was read.
    }
  }
  return found.sort();
}

type Step = "open" | "write" | "utime" | "sync" | "mkdir" | "rename" | "remove";

/** A file that has no name yet: of a UUID, or of a hash if it may be resumed. */
const TEMPORARY = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|r-[0-9a-f]{64}$/;

/**
 * Records every change of the disk below a folder and lets chosen ones fail. A
 * step is `sync users/ann`: what was done, and on what below the folder;
 * `TEMP` stands for the path of a file that has no name yet. It is recorded
 * when it has ended.
 */
export class DiskRecorder implements Disposable {
  /** What has been done so far; a test may empty it. */
  steps: string[] = [];
  /** How many syncs have been held back so far, those let go included. */
  held = 0;
  /** The most bytes that one write takes. */
  maxWrite = Infinity;
  #root: string;
  #stack = new DisposableStack();
  #paths = new WeakMap<Deno.FsFile, string>();
  #faults: { step: RegExp; error: Error; times: number }[] = [];
  #gates: { step: RegExp; open: Promise<void>; times: number }[] = [];

  constructor(root: string) {
    this.#root = root;
    this.#watchNamespace();
    this.#watchFiles();
  }

  /** Lets the next `times` steps that match fail. */
  fail(step: RegExp, code: string, times = 1): void {
    this.#faults.push({ step, error: osError(code), times });
  }

  /** Holds the next `times` syncs that match back until `open` resolves. */
  hold(step: RegExp, open: Promise<void>, times = Infinity): void {
    this.#gates.push({ step, open, times });
  }

  /** How many of the recorded steps match. */
  count(step: RegExp): number {
    return this.steps.filter((done) => step.test(done)).length;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #watchNamespace(): void {
    const use = (resource: Disposable) => this.#stack.use(resource);
    use(replace(Deno, "openSync", (original) => (path, options) => {
      const step = this.#begin("open", `${path}`);
      const file = original(path, options);
      this.#paths.set(file, `${path}`);
      // A folder is opened for a sync, which is recorded itself.
      if (options?.write) this.steps.push(step);
      return file;
    }));
    use(replace(Deno, "open", (original) => async (path, options) => {
      const file = await original(path, options);
      this.#paths.set(file, `${path}`);
      return file;
    }));
    use(replace(Deno, "mkdirSync", (original) => (path, options) => {
      const step = this.#begin("mkdir", `${path}`);
      original(path, options);
      this.steps.push(step);
    }));
    use(replace(Deno, "renameSync", (original) => (from, to) => {
      const step = this.#begin("rename", `${from}`, `${to}`);
      original(from, to);
      this.steps.push(step);
    }));
    use(replace(Deno, "removeSync", (original) => (path, options) => {
      const step = this.#begin("remove", `${path}`);
      original(path, options);
      this.steps.push(step);
    }));
  }

  #watchFiles(): void {
    // deno-lint-ignore no-this-alias -- inside of a method, this is the file
    const recorder = this;
    const use = (resource: Disposable) => this.#stack.use(resource);
    const files = Deno.FsFile.prototype;
    use(replace(files, "writeSync", (original) => {
      return function (this: Deno.FsFile, bytes) {
        const step = recorder.#beginOn("write", this);
        const count = original.call(this, recorder.#part(bytes));
        recorder.steps.push(step);
        return count;
      };
    }));
    use(replace(files, "write", (original) => {
      return async function (this: Deno.FsFile, bytes) {
        const step = recorder.#beginOn("write", this);
        const count = await original.call(this, recorder.#part(bytes));
        recorder.steps.push(step);
        return count;
      };
    }));
    use(replace(files, "utimeSync", (original) => {
      return function (this: Deno.FsFile, atime, mtime) {
        const step = recorder.#beginOn("utime", this);
        original.call(this, atime, mtime);
        recorder.steps.push(step);
      };
    }));
    use(replace(files, "sync", (original) => {
      return async function (this: Deno.FsFile) {
        const step = recorder.#beginOn("sync", this);
        const gate = recorder.#gateOf(step);
        if (gate) recorder.held++;
        await gate?.open;
        await original.call(this);
        recorder.steps.push(step);
      };
    }));
  }

  #gateOf(step: string) {
    const gate = this.#gates.find((g) => g.times > 0 && g.step.test(step));
    if (gate) gate.times--;
    return gate;
  }

  #part<T extends Uint8Array>(bytes: T): T {
    return bytes.subarray(0, this.maxWrite) as T;
  }

  #beginOn(step: Step, file: Deno.FsFile): string {
    return this.#begin(step, this.#paths.get(file) ?? "?");
  }

  /** The text of a step, unless it is to fail. */
  #begin(step: Step, ...paths: string[]): string {
    const text = [step, ...paths.map((path) => this.#nameOf(path))].join(" ");
    const fault = this.#faults.find((f) => f.times > 0 && f.step.test(text));
    if (fault) {
      fault.times--;
      throw fault.error;
    }
    return text;
  }

  #nameOf(path: string): string {
    if (TEMPORARY.test(path)) return "TEMP";
    return relative(this.#root, path) || ".";
  }
}
