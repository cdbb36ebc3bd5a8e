/**
 * strace on a server that runs already: shows its system calls, and makes some
 * of them fail, do nothing, or be the last one (`strace(1)`, "Tampering").
 *
 * What strace counts (`when=K`) it counts for each thread by itself. So what is
 * to be exact is asked of one thread, or of the calls on one path.
 */

import { until } from "./deadline.ts";
import { Process } from "./process.ts";
import { ENVIRONMENT } from "./program.ts";

export interface TraceOptions {
  /** The system calls that are shown, as for `-e trace=`. */
  calls: string;
  /** What is done to them, as for `-e inject=` behind their names. */
  inject?: string;
  /** Only calls on exactly this path or a descriptor of it. */
  path?: string | undefined;
  /** Only calls of the thread that serves: all but long writes and fsyncs of files. */
  onlyServing?: boolean;
}

/** One system call of the log. */
export interface Call {
  name: string;
  /** Its arguments as strace shows them, paths of descriptors in `<>`. */
  text: string;
  /** False for one that had not ended when the process did. */
  ended: boolean;
}

/** A running strace; disposing of it leaves the process alone. */
export class Trace implements AsyncDisposable {
  #pid: number;
  #strace: Process;
  #log: string;

  private constructor(pid: number, strace: Process, log: string) {
    this.#pid = pid;
    this.#strace = strace;
    this.#log = log;
  }

  /** Attaches to all threads of a process; on return every call is seen. */
  static async attach(pid: number, options: TraceOptions): Promise<Trace> {
    const { calls, inject, path, onlyServing = false } = options;
    const log = Deno.makeTempFileSync({ prefix: "netdisk-strace-" });
    const argv = [
      ...["strace", "-y", "-s", "0", "-o", log],
      ...(onlyServing ? ["-p", servingThread(pid)] : ["-f", "-p", String(pid)]),
      ...["-e", `trace=${calls}`],
      ...(inject ? ["-e", `inject=${calls}:${inject}`] : []),
      ...(path ? ["-P", path] : []),
    ];
    const strace = new Process(argv, { cwd: "/", env: ENVIRONMENT });
    const trace = new Trace(pid, strace, log);
    try {
      await strace.says("stderr", /Process \d+ attached/);
      return trace;
    } catch (error) {
      await trace[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** All calls so far, in the order in which they began. */
  calls(): Call[] {
    const calls: Call[] = [];
    const open = new Map<string, Call>();
    for (const line of Deno.readTextFileSync(this.#log).split("\n")) {
      // A trace of one thread has no thread ids in front.
      const begin = /^(\d*) *(\w+)\((.*)$/.exec(line);
      const end = /^(\d*) *<\.\.\. \w+ resumed>/.exec(line);
      if (begin) {
        const [, thread = "", name = "", text = ""] = begin;
        const call = { name, text, ended: isEnded(line) };
        calls.push(call);
        open.set(thread, call);
      } else if (end) {
        const call = open.get(end[1]!);
        if (call) call.ended = isEnded(line);
      }
    }
    return calls;
  }

  /** Waits until strace has seen the process end, and written all of it down. */
  async ended(): Promise<void> {
    await this.#strace.outcome();
  }

  /** Waits for a state of the log. */
  async shows(what: string, look: (calls: Call[]) => boolean): Promise<void> {
    await until(`strace shows ${what}`, () => look(this.calls()));
  }

  /** Lets a process go on that an injected STOP halts, as often as it does. */
  async continueUntil(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => isDone = true);
    await until("a process goes on", () => {
      if (!isDone) Deno.kill(this.#pid, "SIGCONT");
      return isDone;
    });
    await done;
  }

  /** Lets go of the process, which runs on unchanged. */
  async detach(): Promise<void> {
    this.#strace.signal("SIGINT");
    await this.#strace.outcome();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#strace.signal("SIGINT");
    await this.#strace.outcome().catch(() => {});
    await this.#strace[Symbol.asyncDispose]();
    Deno.removeSync(this.#log);
  }
}

/** The Worker that was started last, see server/supervisor.ts. */
function servingThread(pid: number): string {
  const tasks = `/proc/${pid}/task`;
  const workers = [...Deno.readDirSync(tasks)].map(({ name }) => ({
    thread: name,
    name: Deno.readTextFileSync(`${tasks}/${name}/comm`),
  })).filter(({ name }) => /^worker-\d+\n$/.test(name));
  if (workers.length === 0) throw new Error(`no Worker in ${tasks}`);
  return workers.toSorted((a, b) => a.name < b.name ? 1 : -1)[0]!.thread;
}

function isEnded(line: string): boolean {
  return / = -?\d/.test(line) && !line.endsWith("<unfinished ...>");
}
