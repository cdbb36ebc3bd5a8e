/**
 * What a test needs of the machine beyond Deno. Where it is missing the test is
 * skipped, and its name says why.
 */

/** A question to the machine; the answer is what is missing, if anything. */
export type Need = () => string | undefined;

/** A test that is skipped, with a reason in its name, where a need is not met. */
export function testWith(
  needs: readonly Need[],
  name: string,
  work: (t: Deno.TestContext) => Promise<void>,
): void {
  const missing = missingOf(needs);
  Deno.test({
    name: missing === undefined ? name : `${name} (skipped: ${missing})`,
    ignore: missing !== undefined,
    fn: work,
  });
}

/** The first thing that is missing. */
export function missingOf(needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    const missing = need();
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/** A program that tells its version. */
export function program(name: string): Need {
  return once(() =>
    succeeds([name, "--version"]) ? undefined : `needs ${name}`
  );
}

/** Attaching strace to a process that is not its child. */
export const TRACING: Need = once(() => {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (!succeeds(["strace", "-V"])) return "needs strace";
  if (Deno.uid() === 0 || !isPtraceRestricted()) return undefined;
  return "strace may not attach to another process, needs root";
});

/** Mounting something in a mount namespace of one's own. */
export const MOUNTING: Need = once(() => {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root to mount";
  const tools = ["unshare", "nsenter", "setpriv", "mount"];
  const tool = tools.find((it) => !succeeds([it, "--version"]));
  if (tool) return `needs ${tool}`;
  return succeeds([...UNSHARED, "mount -t tmpfs tmpfs /mnt"])
    ? undefined
    : "needs the right to mount";
});

/** An ext4 file system in a file. */
export const LOOP_MOUNTING: Need = once(() => {
  const missing = MOUNTING();
  if (missing) return missing;
  if (!succeeds(["mkfs.ext4", "-V"])) return "needs mkfs.ext4 (e2fsprogs)";
  const script = `mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir at &&
    truncate -s 8M image && mkfs.ext4 -q -F image && mount -o loop image at`;
  return succeeds([...UNSHARED, script]) ? undefined : "needs loop devices";
});

/** A network namespace of one's own, with interfaces in it. */
export const NETWORKING: Need = once(() => {
  if (Deno.build.os !== "linux") return "needs Linux";
  const tools = [["unshare", "--version"], ["nsenter", "--version"]];
  const tool = [...tools, ["ip", "-V"]].find((it) => !succeeds(it));
  if (tool) return `needs ${tool[0]}`;
  const script =
    "ip link set lo up && ip link add veth0 type veth peer name veth1";
  return succeeds([...UNSHARED_NETWORK, "sh", "-c", script])
    ? undefined
    : "needs the right to make network namespaces";
});

/** Who is not root becomes it in a user namespace. */
export const UNSHARED_NETWORK = Deno.uid() === 0
  ? ["unshare", "--net"]
  : ["unshare", "--user", "--map-root-user", "--net"];

const UNSHARED = ["unshare", "--mount", "--propagation", "private", "sh", "-c"];

/** Yama lets only parents attach where it is on. */
function isPtraceRestricted(): boolean {
  try {
    const path = "/proc/sys/kernel/yama/ptrace_scope";
    return Deno.readTextFileSync(path).trim() !== "0";
  } catch {
    return false;
  }
}

function succeeds([command, ...args]: string[]): boolean {
  try {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command!, options).outputSync().success;
  } catch {
    return false;
  }
}

function once(need: Need): Need {
  let answer: { missing: string | undefined } | undefined;
  return () => (answer ??= { missing: need() }).missing;
}
