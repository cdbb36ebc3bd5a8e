/** netdisk as a user has it: the built binary, a server over TLS, one account. */
import { join } from "@std/path";
import { BINARY } from "../build.ts";
import { runWell, Service } from "./process.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Stage,
  type ToolGroup,
} from "./tool.ts";

const USER = "bench";
const READY_LINE = /^netdisk \S+ serving .+ on (\S+) \(TLS\)$/m;

/** Starts a server, which ends with the stack, and makes the account. */
export async function openNetdisk(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const { signal } = stage;
  const dir = join(stage.dir, "netdisk");
  const env = { ...stage.env, NETDISK_CONFIG_DIR: join(dir, "config") };
  function netdisk(args: readonly string[], cwd = dir): CommandLine {
    return { program: BINARY, args, cwd, env };
  }

  await Deno.mkdir(dir);
  const root = join(dir, "root");
  const server = stack.use(
    new Service(netdisk(["serve", "--root", root, "--listen", "127.0.0.1:0"])),
  );
  const [, address] = await server.says(READY_LINE, signal);
  const password = join(dir, "password.txt");
  await Deno.writeTextFile(password, `${crypto.randomUUID()}\n`, {
    mode: 0o600,
  });
  await runWell(
    netdisk([
      ...["register", USER, "--server", address!],
      ...["--password-file", password, "--quiet"],
    ]),
    signal,
  );
  const far = join(root, "users", USER);
  for (const sample of stage.samples) await linkSample(sample, far);

  return {
    tools: [{
      name: "netdisk",
      far,
      put: ({ folder, files }) =>
        netdisk(["put", "--quiet", "--to", `${ARRIVALS}/`, ...files], folder),
      get: ({ name, files }, to) =>
        netdisk(
          ["get", "--quiet", ...files.map((file) => `${name}/${file}`)],
          to,
        ),
      list: ({ name }) => netdisk(["ls", name]),
    }],
    version: await versionOf(netdisk(["--version", "--json"]), signal),
    log: () => server.log,
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
  return `netdisk ${netdisk} (Deno ${deno})`;
}
