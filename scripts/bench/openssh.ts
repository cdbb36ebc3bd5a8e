/** scp and sftp, with an sshd of their own. */
import { join } from "@std/path";
import { linkSample } from "./samples.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { ARRIVALS, type Stage, type Tool, type ToolGroup } from "./tool.ts";

/** Starts the sshd, which ends with the stack. Throws Unavailable. */
export async function openOpenssh(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const sshd = await startSshd(stage, stack);
  const far = join(stage.dir, "openssh");
  await Deno.mkdir(join(far, ARRIVALS), { recursive: true });
  for (const sample of stage.samples) await linkSample(sample, far);
  return {
    tools: [scp(sshd, far, stage), await sftp(sshd, far, stage)],
    version: sshd.version,
    log: () => sshd.server.log,
  };
}

function scp(
  { programs, dir, host }: Sshd,
  far: string,
  { env }: Stage,
): Tool {
  const command = (from: string, to: string) => ({
    program: programs.scp,
    args: ["-q", "-r", "-F", "ssh_config", from, to],
    cwd: dir,
    env,
  });
  return {
    name: "scp",
    far,
    put: ({ folder }) => command(folder, `${host}:${far}/${ARRIVALS}/`),
    get: ({ name }, to) => command(`${host}:${far}/${name}`, to),
  };
}

async function sftp(
  { programs, dir, host }: Sshd,
  far: string,
  { env, samples }: Stage,
): Promise<Tool> {
  for (const { name } of samples) {
    // `@` keeps sftp from printing the line itself.
    await Deno.writeTextFile(
      join(dir, `ls-${name}`),
      `@ls -1 ${far}/${name}\n`,
    );
  }
  return {
    name: "sftp",
    far,
    list: ({ name }) => ({
      program: programs.sftp,
      args: ["-q", "-F", "ssh_config", "-b", `ls-${name}`, host],
      cwd: dir,
      env,
    }),
  };
}
