/**
 * An sshd for scp, sftp and rsync: the user who runs the benchmark, keys made for
 * it, loopback or the benchmark's link only. Nothing in ~/.ssh or /etc/ssh is read
 * or written: every file that OpenSSH may use is named in the two configurations.
 */
import { userInfo } from "node:os";
import { join } from "@std/path";
import { messageOf } from "../interrupt.ts";
import { freePort } from "./ports.ts";
import { findProgram, run, runWell, Service } from "./process.ts";
import { type CommandLine, type Stage, Unavailable } from "./tool.ts";

const PROGRAMS = ["sshd", "ssh", "scp", "sftp", "ssh-keygen"] as const;
type Programs = Record<typeof PROGRAMS[number], string>;

/** The server's name in the client's configuration. */
const HOST = "bench";
/** Another process may take the free port first. */
const PORT_TRIES = 3;
const READY_LINE = /^Server listening on [\d.]+ port \d+\.\r?$/m;
/** What an sshd of root wants to exist; installations make it when they start theirs. */
const MISSING_FOLDER = /^Missing privilege separation directory: (\/\S+)\r?$/m;

/** A running sshd, and how clients get to it. */
export interface Sshd {
  readonly programs: Programs;
  /** Where `ssh_config` is. */
  readonly dir: string;
  /** The server's name in it. */
  readonly host: string;
  /** As for people: `OpenSSH_9.2p1`. */
  readonly version: string;
  readonly server: Service;
}

/** Starts an sshd, which ends with the stack. Throws Unavailable where that cannot be. */
export async function startSshd(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<Sshd> {
  const programs = findPrograms();
  const dir = await Deno.makeTempDir({ dir: stage.dir, prefix: "sshd-" });
  const at = (name: string) => join(dir, name);
  const { address } = stage.server;
  function command(program: string, ...args: string[]): CommandLine {
    return { program, args, cwd: dir, env: stage.env };
  }

  for (const key of ["host_key", "user_key"]) {
    const args = ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key];
    await runWell(command(programs["ssh-keygen"], ...args), stage.signal);
  }
  await Deno.copyFile(at("user_key.pub"), at("authorized_keys"));
  await writeConfigurations(dir, { address, port: freePort() });
  await makeMissingFolder(
    command(programs.sshd, "-t", "-f", at("sshd_config")),
    stage,
    stack,
  );
  const server = await startServer(dir, programs, stage, stack);
  await tryLogin(command(programs.sftp), server, stage);
  const { stderr } = await runWell(command(programs.ssh, "-V"), stage.signal);
  const version = stderr.split(",")[0]!.trim();
  return { programs, dir, host: HOST, version, server };
}

function findPrograms(): Programs {
  const found = PROGRAMS.map((name) => [name, findProgram(name)] as const);
  const missing = found.filter(([, path]) => !path).map(([name]) => name);
  if (missing.length === 0) return Object.fromEntries(found) as Programs;
  throw new Unavailable(`not installed: ${missing.join(", ")}`);
}

/** Both sides' settings, and the server's key for the client to know it by. */
async function writeConfigurations(
  dir: string,
  { address, port }: { address: string; port: number },
): Promise<void> {
  const at = (name: string) => join(dir, name);
  const sshd = [
    `ListenAddress ${address}:${port}`,
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
    // For the shell that starts rsync: without the user's settings.
    `SetEnv HOME=${dir}`,
    "LogLevel INFO",
    // In sshd itself, so that no shell of the user starts first.
    "Subsystem sftp internal-sftp",
  ];
  const ssh = [
    `Host ${HOST}`,
    `HostName ${address}`,
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
  { env, server: side, signal }: Stage,
  stack: AsyncDisposableStack,
): Promise<Service> {
  // -D -e: stay in the foreground and log to stderr.
  const args = ["-D", "-e", "-f", join(dir, "sshd_config")];
  for (let tries = 1;; tries++) {
    const server = stack.use(
      new Service(side.run({ program: sshd, args, cwd: dir, env })),
    );
    try {
      await server.says(READY_LINE, signal);
      return server;
    } catch (error) {
      signal.throwIfAborted();
      if (tries === PORT_TRIES) throw new Unavailable(messageOf(error));
      const port = freePort();
      await writeConfigurations(dir, { address: side.address, port });
    }
  }
}

async function tryLogin(
  sftp: CommandLine,
  server: Service,
  { client, signal }: Stage,
): Promise<void> {
  await Deno.writeTextFile(join(sftp.cwd, "pwd"), "pwd\n");
  const args = ["-q", "-F", "ssh_config", "-b", "pwd", HOST];
  const { code } = await run(client.run({ ...sftp, args }), signal);
  if (code === 0) return;
  const reason = server.log.replace(READY_LINE, "").trim().split(/\r?\n/)[0];
  throw new Unavailable(`sshd does not let its user in: ${reason}`);
}
