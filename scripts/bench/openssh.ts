/**
 * scp and sftp against an sshd of their own: the user who runs the benchmark,
 * keys made for it, loopback only. Nothing in ~/.ssh or /etc/ssh is read or
 * written: every file that OpenSSH may use is named in the two configurations.
 */
import { userInfo } from "node:os";
import { join } from "@std/path";
import { messageOf } from "../interrupt.ts";
import { findProgram, run, runWell, Service } from "./process.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Stage,
  type Tool,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";

const PROGRAMS = ["sshd", "ssh", "scp", "sftp", "ssh-keygen"] as const;
type Programs = Record<typeof PROGRAMS[number], string>;

/** The server's name in the client's configuration. */
const HOST = "bench";
/** Another process may take the free port first. */
const PORT_TRIES = 3;
const READY_LINE = /^Server listening on 127\.0\.0\.1 port \d+\.\r?$/m;
/** What an sshd of root wants to exist; installations make it when they start theirs. */
const MISSING_FOLDER = /^Missing privilege separation directory: (\/\S+)\r?$/m;

/** Starts an sshd, which ends with the stack. Throws Unavailable where that cannot be. */
export async function openOpenssh(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const programs = findPrograms();
  const dir = join(stage.dir, "openssh");
  const at = (name: string) => join(dir, name);
  function command(program: string, ...args: string[]): CommandLine {
    return { program, args, cwd: dir, env: stage.env };
  }

  await Deno.mkdir(at(`far/${ARRIVALS}`), { recursive: true });
  for (const key of ["host_key", "user_key"]) {
    const args = ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key];
    await runWell(command(programs["ssh-keygen"], ...args), stage.signal);
  }
  await Deno.copyFile(at("user_key.pub"), at("authorized_keys"));
  await writeConfigurations(dir, freePort());
  await makeMissingFolder(
    command(programs.sshd, "-t", "-f", at("sshd_config")),
    stage,
    stack,
  );
  const server = await startServer(dir, programs, stage, stack);
  await tryLogin(command(programs.sftp), server, stage.signal);

  const far = at("far");
  for (const sample of stage.samples) await linkSample(sample, far);
  const { stderr } = await runWell(command(programs.ssh, "-V"), stage.signal);
  return {
    tools: [scp(programs, dir, stage), await sftp(programs, dir, stage)],
    version: stderr.split(",")[0]!.trim(),
    log: () => server.log,
  };
}

function findPrograms(): Programs {
  const found = PROGRAMS.map((name) => [name, findProgram(name)] as const);
  const missing = found.filter(([, path]) => !path).map(([name]) => name);
  if (missing.length === 0) return Object.fromEntries(found) as Programs;
  throw new Unavailable(`not installed: ${missing.join(", ")}`);
}

function scp({ scp }: Programs, dir: string, { env }: Stage): Tool {
  const far = join(dir, "far");
  const start = ["-q", "-F", join(dir, "ssh_config")];
  return {
    name: "scp",
    far,
    put: ({ folder, files }) => ({
      program: scp,
      args: [...start, ...files, `${HOST}:${far}/${ARRIVALS}/`],
      cwd: folder,
      env,
    }),
    // A pattern, because scp connects anew for every remote name.
    get: ({ name }, to) => ({
      program: scp,
      args: [...start, `${HOST}:${far}/${name}/*`, "."],
      cwd: to,
      env,
    }),
  };
}

async function sftp(
  { sftp }: Programs,
  dir: string,
  { env, samples }: Stage,
): Promise<Tool> {
  const far = join(dir, "far");
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
      program: sftp,
      args: ["-q", "-F", "ssh_config", "-b", `ls-${name}`, HOST],
      cwd: dir,
      env,
    }),
  };
}

/** Both sides' settings, and the server's key for the client to know it by. */
async function writeConfigurations(dir: string, port: number): Promise<void> {
  const at = (name: string) => join(dir, name);
  const sshd = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${at("host_key")}`,
    `AuthorizedKeysFile ${at("authorized_keys")}`,
    "AuthenticationMethods publickey",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    // The folder is temporary, and /tmp is writable for all.
    "StrictModes no",
    "PermitUserRC no",
    "PidFile none",
    "LogLevel INFO",
    // In sshd itself, so that no shell of the user starts first.
    "Subsystem sftp internal-sftp",
  ];
  const ssh = [
    `Host ${HOST}`,
    "HostName 127.0.0.1",
    `Port ${port}`,
    `User ${userInfo().username}`,
    `HostKeyAlias ${HOST}`,
    `UserKnownHostsFile ${at("known_hosts")}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    `IdentityFile ${at("user_key")}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "ControlPath none",
    "BatchMode yes",
    "LogLevel ERROR",
  ];
  const hostKey = await Deno.readTextFile(at("host_key.pub"));
  await Deno.writeTextFile(at("known_hosts"), `${HOST} ${hostKey}`);
  await Deno.writeTextFile(at("sshd_config"), sshd.join("\n") + "\n");
  await Deno.writeTextFile(at("ssh_config"), ssh.join("\n") + "\n");
}

/** Lets sshd check its settings, and makes for root the folder that it misses, until the end. */
async function makeMissingFolder(
  check: CommandLine,
  { signal }: Stage,
  stack: AsyncDisposableStack,
): Promise<void> {
  const first = await run(check, signal);
  if (first.code === 0) return;
  const missing = MISSING_FOLDER.exec(first.stderr)?.[1];
  if (missing) {
    await Deno.mkdir(missing, { mode: 0o755 });
    stack.defer(() => Deno.remove(missing));
    if ((await run(check, signal)).code === 0) return;
  }
  throw new Unavailable(`sshd does not start: ${first.stderr.trim()}`);
}

async function startServer(
  dir: string,
  { sshd }: Programs,
  { env, signal }: Stage,
  stack: AsyncDisposableStack,
): Promise<Service> {
  // -D -e: stay in the foreground and log to stderr.
  const args = ["-D", "-e", "-f", join(dir, "sshd_config")];
  for (let tries = 1;; tries++) {
    const server = stack.use(
      new Service({ program: sshd, args, cwd: dir, env }),
    );
    try {
      await server.says(READY_LINE, signal);
      return server;
    } catch (error) {
      signal.throwIfAborted();
      if (tries === PORT_TRIES) throw new Unavailable(messageOf(error));
      await writeConfigurations(dir, freePort());
    }
  }
}

async function tryLogin(
  sftp: CommandLine,
  server: Service,
  signal: AbortSignal,
): Promise<void> {
  await Deno.writeTextFile(join(sftp.cwd, "pwd"), "pwd\n");
  const args = ["-q", "-F", "ssh_config", "-b", "pwd", HOST];
  const { code } = await run({ ...sftp, args }, signal);
  if (code === 0) return;
  const reason = server.log.replace(READY_LINE, "").trim().split(/\r?\n/)[0];
  throw new Unavailable(`sshd does not let its user in: ${reason}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
