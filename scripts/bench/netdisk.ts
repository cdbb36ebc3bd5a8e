/** netdisk as a user has it: the built binary, a server over TLS, one account. */
import { basename, join } from "@std/path";
import { BINARY } from "../build.ts";
import { run, runWell, Service } from "./process.ts";
import { OURS } from "./report.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Sample,
  type Stage,
  type Tool,
  type ToolGroup,
} from "./tool.ts";

const USER = "bench";
const LINK = /^\S.*? netdisk register NAME --server '(netdisk:\S+)'$/m;

/** A running server, and a client that is logged in. */
export interface Netdisk {
  readonly server: Service;
  /** The user's folder on the server. */
  readonly far: string;
  readonly version: string;
  /** A command of the client, not yet at its side. */
  command(args: readonly string[], cwd?: string): CommandLine;
  /** Whether the client has a command, or an option of one. */
  has(command: string, option?: string): Promise<boolean>;
}

/** Starts a server, which ends with the stack, and makes the account. */
export async function startNetdisk(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<Netdisk> {
  const { client, server: serverSide, signal } = stage;
  const dir = await Deno.makeTempDir({ dir: stage.dir, prefix: "netdisk-" });
  const env = { ...stage.env, NETDISK_CONFIG_DIR: join(dir, "config") };
  function command(args: readonly string[], cwd = dir): CommandLine {
    return { program: BINARY, args, cwd, env };
  }
  const runClient = (...args: string[]) =>
    runWell(client.run(command(args)), signal);

  const root = join(dir, "root");
  const listen = `${serverSide.address}:0`;
  const serve = command([
    ...["serve", "--root", root, "--listen", listen, "--no-discovery"],
  ]);
  const server = stack.use(new Service(serverSide.run(serve)));
  const [, link] = await server.says(LINK, signal);
  const password = join(dir, "password.txt");
  await Deno.writeTextFile(password, `${crypto.randomUUID()}\n`, {
    mode: 0o600,
  });
  await runClient(
    ...["register", USER, "--server", link!],
    ...["--password-file", password, "--quiet"],
  );
  return {
    server,
    far: join(root, "users", USER),
    version: await versionOf(command(["--version", "--json"]), signal),
    command,
    async has(name, option) {
      const help = await run(command(["help", name]), signal);
      return help.code === 0 && help.stdout.includes(option ?? "");
    },
  };
}

/** netdisk as one of the tools. */
export async function openNetdisk(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const netdisk = await startNetdisk(stage, stack);
  const { server, far, version } = netdisk;
  for (const sample of stage.samples) await linkSample(sample, far);
  return { tools: [await toolOf(netdisk)], version, log: () => server.log };
}

/** What the client can do. */
export async function toolOf(netdisk: Netdisk): Promise<Tool> {
  const { far, command } = netdisk;
  const tool: Tool = {
    name: OURS,
    far,
    list: ({ name }) => command(["ls", name]),
    ...(await netdisk.has("put", "-r, ") ? treesOf(netdisk) : filesOf(netdisk)),
  };
  if (!await netdisk.has("sync")) return tool;
  return {
    ...tool,
    sync: ({ name, folder }) =>
      command(["sync", "--quiet", folder, `${ARRIVALS}/${name}`]),
  };
}

/** Whole folders, but a single file as people name it. */
function treesOf(netdisk: Netdisk): Pick<Tool, "put" | "get"> {
  const { command } = netdisk;
  const single = filesOf(netdisk);
  return {
    put: (sample) =>
      sample.files.length === 1 ? single.put(sample) : command(
        ["put", "--quiet", "-r", sample.folder, "--to", `${ARRIVALS}/`],
      ),
    get: (sample, to) =>
      sample.files.length === 1 ? single.get(sample, to) : command(
        ["get", "--quiet", "-r", sample.name, "--to", `${to}/`],
      ),
  };
}

/** File by file, for a client without `-r`. */
function filesOf({ command }: Netdisk) {
  return {
    put: ({ name, folder, files }: Sample) =>
      command(
        ["put", "--quiet", "--to", `${ARRIVALS}/${name}/`, ...files],
        folder,
      ),
    get: ({ name, files }: Sample, to: string) =>
      command([
        ...["get", "--quiet", "--to", `${join(to, name)}/`],
        ...files.map((file) => `${name}/${file}`),
      ]),
  };
}

/** The program's version and the one of the runtime in it. */
async function versionOf(
  command: CommandLine,
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await runWell(command, signal);
  const { netdisk, deno } = JSON.parse(stdout.split("\n")[0]!) as {
    netdisk: string;
    deno: string;
  };
  return `${basename(command.program)} ${netdisk} (Deno ${deno})`;
}
