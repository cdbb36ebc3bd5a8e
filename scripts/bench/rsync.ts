/** rsync over an sshd, and with a daemon of its own, without encryption. */
import { userInfo } from "node:os";
import { join } from "@std/path";
import { startOnFreePort } from "./ports.ts";
import { findProgram, runWell, Service } from "./process.ts";
import { linkSample } from "./samples.ts";
import { startSshd } from "./sshd.ts";
import {
  ARRIVALS,
  type Stage,
  type Tool,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";

/** The daemon's name for its far side. */
const MODULE = "far";

/** Over ssh; the sshd ends with the stack. Throws Unavailable. */
export async function openRsyncOverSsh(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const rsync = findRsync();
  const { programs, dir, host, server } = await startSshd(stage, stack);
  const far = await makeFar(stage, "rsync-ssh");
  const options = [
    "-e",
    `${programs.ssh} -F ${dir}/ssh_config`,
    `--rsync-path=${rsync}`,
  ];
  const remote = `${host}:${far}/`;
  return {
    tools: [
      toolOf(rsync, { name: "rsync over ssh", far, options, remote }, stage),
    ],
    version: await versionOf(rsync, stage),
    log: () => server.log,
  };
}

/** With a daemon, whose far side is a module. The daemon ends with the stack. Throws Unavailable. */
export async function openRsyncDaemon(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const rsync = findRsync();
  const { env, signal } = stage;
  const far = await makeFar(stage, "rsync-daemon");
  const dir = join(stage.dir, "rsync-daemon");
  const config = join(dir, "rsyncd.conf");
  await Deno.writeTextFile(config, configuration(far));
  const { service, port } = await startOnFreePort((port) => {
    const args = [
      ...["--daemon", "--no-detach", `--config=${config}`],
      ...["--address=127.0.0.1", `--port=${port}`, "--log-file=/dev/stderr"],
    ];
    return new Service({ program: rsync, args, cwd: dir, env });
  }, { signal, stack });
  const remote = `rsync://127.0.0.1:${port}/${MODULE}/`;
  const side = { name: "rsync daemon", far, options: [], remote };
  return {
    tools: [toolOf(rsync, side, stage)],
    version: await versionOf(rsync, stage),
    log: () => service.log,
  };
}

function configuration(far: string): string {
  // A daemon of root would be nobody.
  const identity = Deno.uid() === 0
    ? [`uid = ${userInfo().username}`, `gid = ${userInfo().gid}`]
    : [];
  return [
    "use chroot = no",
    ...identity,
    `[${MODULE}]`,
    `path = ${far}`,
    "read only = no",
  ].join("\n") + "\n";
}

function findRsync(): string {
  const rsync = findProgram("rsync");
  if (rsync) return rsync;
  throw new Unavailable("not installed: rsync");
}

async function makeFar(stage: Stage, name: string): Promise<string> {
  const far = join(stage.dir, name, "far");
  await Deno.mkdir(far, { recursive: true });
  for (const sample of stage.samples) await linkSample(sample, far);
  return far;
}

function toolOf(
  program: string,
  { name, far, options, remote }: {
    name: string;
    far: string;
    options: readonly string[];
    remote: string;
  },
  { dir, env }: Stage,
): Tool {
  const rsync = (...args: string[]) => ({
    program,
    args: ["-a", ...options, ...args],
    cwd: dir,
    env,
  });
  // Without a slash at its end the source is the folder, not what is in it.
  const put: NonNullable<Tool["put"]> = ({ folder }) =>
    rsync(folder, `${remote}${ARRIVALS}/`);
  return {
    name,
    far,
    put,
    get: (sample, to) => rsync(`${remote}${sample.name}`, `${to}/`),
    sync: put,
  };
}

async function versionOf(
  program: string,
  { dir, env, signal }: Stage,
): Promise<string> {
  const command = { program, args: ["--version"], cwd: dir, env };
  const { stdout } = await runWell(command, signal);
  return stdout.split("\n")[0]!.trim().replaceAll(/\s+/g, " ");
}
