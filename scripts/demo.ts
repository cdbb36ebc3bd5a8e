// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Builds netdisk and shows its main job with the real binary: serve, register,
 * put, list and get of a file of 50 MiB, and compare. Everything it writes is in
 * one temporary folder, which it removes; every process it starts, it stops.
 */
import { Buffer } from "node:buffer";
import { bold } from "@std/fmt/colors";
import { join } from "@std/path";
import { BINARY, build } from "./build.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const SAMPLE_BYTES = 50 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const READY_MS = 20_000;
const STOP_MS = 15_000;
const LOG_LINES_SHOWN = 20;
const READY_LINE = /^netdisk \S+ serving .+ on (\S+) \((?:TLS|plain)\)$/m;

const GOING_ON = `
It works. To go on, with dist/netdisk on your PATH:
  netdisk serve            serves ./netdisk-data and says what to type elsewhere
  netdisk register YOU     in a second terminal; then put, ls and get as above
  netdisk help             tells the rest`;

/** Where the demo plays, and how it ends early. */
interface Stage {
  dir: string;
  env: Record<string, string>;
  signal: AbortSignal;
}

async function demo(signal: AbortSignal): Promise<void> {
  await build({ ifNeeded: true, signal });
  const dir = await Deno.makeTempDir({ prefix: "netdisk-demo-" });
  try {
    console.log(`\nnetdisk is ${BINARY}, in the folder ${dir}`);
    const stage = { dir, env: demoEnv(dir), signal };
    await writeSample(join(dir, "sample.bin"));
    await writePassword(join(dir, "password.txt"));
    const server = startServer(stage);
    try {
      await playClient(stage, await readyAddress(server, signal));
    } catch (error) {
      await stopServer(server).catch(() => {}); // the first error is the one to tell
      if (!signal.aborted) await showLog(dir);
      throw error;
    }
    show("kill", ["%1"]);
    await stopServer(server);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  console.log(GOING_ON);
}

/** The user's environment, without netdisk settings of theirs. */
function demoEnv(dir: string): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return {
    ...Object.fromEntries(all.filter(([key]) => !key.startsWith("NETDISK_"))),
    NETDISK_CONFIG_DIR: join(dir, "config"),
  };
}

/** A real file of 50 MiB that every machine has: the head of the binary. */
async function writeSample(path: string): Promise<void> {
  using source = await Deno.open(BINARY);
  using target = await Deno.open(path, { write: true, createNew: true });
  const sink = target.writable.getWriter();
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let left = SAMPLE_BYTES; left > 0;) {
    const count = await source.read(buffer.subarray(0, left));
    if (count === null) throw new Error(`${BINARY} is shorter than 50 MiB`);
    await sink.write(buffer.subarray(0, count));
    left -= count;
  }
}

async function writePassword(path: string): Promise<void> {
  await Deno.writeTextFile(path, crypto.randomUUID() + "\n", { mode: 0o600 });
}

async function playClient(stage: Stage, address: string): Promise<void> {
  // A bar is drawn where stderr is a terminal; a reader of a log wants it too.
  const bar = Deno.stderr.isTerminal() ? [] : ["--progress", "always"];
  await netdisk(stage, [
    ...["register", "demo", "--server", address],
    ...["--password-file", "password.txt"],
  ]);
  await netdisk(stage, ["put", "sample.bin", ...bar]);
  await netdisk(stage, ["ls", "-l"]);
  await netdisk(stage, ["get", "sample.bin", "--to", "back.bin", ...bar]);
  await compare(stage, "sample.bin", "back.bin");
  await compare(stage, "sample.bin", "disk/users/demo/sample.bin");
}

/** Shows a command as one would type it. */
function show(program: string, args: string[]): void {
  console.log(bold(`\n$ ${[program, ...args].join(" ")}`));
}

async function netdisk(stage: Stage, args: string[]): Promise<void> {
  const { dir, env, signal } = stage;
  signal.throwIfAborted();
  show("netdisk", args);
  const { code } = await new Deno.Command(BINARY, {
    args,
    cwd: dir,
    env,
    clearEnv: true,
    stdin: "null",
    signal,
  }).spawn().status;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new Error(`netdisk ${args[0]} ended with status ${code}`);
  }
}

/** What `cmp` does, and here on Windows too. */
async function compare(
  stage: Stage,
  one: string,
  other: string,
): Promise<void> {
  show("cmp", [one, other]);
  const [a, b] = await Promise.all([
    Deno.readFile(join(stage.dir, one)),
    Deno.readFile(join(stage.dir, other)),
  ]);
  stage.signal.throwIfAborted();
  if (Buffer.compare(a, b) !== 0) {
    throw new Error(`${other} differs from ${one}`);
  }
  console.log(`the same ${a.length} bytes`);
}

/** Starts the server with its log in server.log; stopServer ends it. */
function startServer({ dir, env }: Stage): Deno.ChildProcess {
  const args = ["serve", "--root", "disk", "--listen", "127.0.0.1:0"];
  show("netdisk", [...args, "2> server.log", "&"]);
  const server = new Deno.Command(BINARY, {
    args,
    cwd: dir,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log = Deno.openSync(join(dir, "server.log"), {
    write: true,
    create: true,
  });
  // A log that breaks off is no reason to fail, and must not end this process.
  server.stderr.pipeTo(log.writable).catch(() => {});
  return server;
}

/** Shows what the server says, for as long as it runs; HOST:PORT once it is ready. */
function readyAddress(
  server: Deno.ChildProcess,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no ready line in ${READY_MS / 1000} s`)),
      READY_MS,
    );
    signal.addEventListener("abort", () => reject(signal.reason));
    let said = "";
    async function follow(): Promise<void> {
      const texts = server.stdout.pipeThrough(new TextDecoderStream());
      for await (const text of texts) {
        Deno.stdout.writeSync(new TextEncoder().encode(text));
        said += text;
        const address = READY_LINE.exec(said)?.[1];
        if (address !== undefined) {
          clearTimeout(timer);
          resolve(address);
        }
      }
      throw new Error("netdisk serve ended before it was ready");
    }
    follow().catch(reject);
  });
}

/** SIGTERM, and SIGKILL if it does not heed that. */
async function stopServer(server: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => kill(server, "SIGKILL"), STOP_MS);
  kill(server, "SIGTERM");
  const { success, code, signal } = await server.status;
  clearTimeout(timer);
  // Windows has no SIGTERM: there the server is ended without a say.
  if (success || Deno.build.os === "windows") return;
  throw new Error(
    signal === "SIGKILL"
      ? `netdisk serve did not stop in ${STOP_MS / 1000} s`
      : `netdisk serve ended with status ${code}`,
  );
}

function kill(server: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    server.kill(signal);
  } catch {
    // It has ended by itself; its status tells how.
  }
}

async function showLog(dir: string): Promise<void> {
  const log = await Deno.readTextFile(join(dir, "server.log"));
  const lines = log.trimEnd().split("\n").slice(-LOG_LINES_SHOWN);
  console.error(["\nserver.log ends with:", ...lines].join("\n"));
}

if (import.meta.main) {
  try {
    await demo(abortOnSignals());
    Deno.exit(0);
  } catch (error) {
    console.error(`demo: error: ${messageOf(error)}`);
    Deno.exit(exitStatusOf(error));
  }
}
