/** Two sides with a link between them: the process that forwards, and their addresses. */
import { fromFileUrl } from "@std/path";
import { messageOf } from "../../interrupt.ts";
import { findProgram, runWell, Service } from "../process.ts";
import {
  type CommandLine,
  type Side,
  type Stage,
  Unavailable,
} from "../tool.ts";
import type { LinkShape } from "./delay_line.ts";
import type { Dropped } from "./forwarder.ts";

/** Nothing else is in these namespaces. */
const ADDRESSES = ["10.0.0.1", "10.0.0.2"] as const;
const DEVICE = "bench0";
const PREFIX_BITS = 30;
const MTU = 1500;
/** Packets that the kernel keeps until the forwarder reads them; it never is so late. */
const DEVICE_QUEUE = 10_000;
const NAMESPACES = /^\{"namespaces":\["(\S+?)","(\S+?)"\]\}$/m;
const SYSCTLS = [
  ...["tcp_congestion_control", "tcp_wmem", "tcp_rmem"],
] as const;

/** What a link is made with. */
export type LinkContext = Pick<Stage, "dir" | "env" | "signal">;

export interface Link {
  readonly client: Side;
  readonly server: Side;
  /** What the kernel does with TCP on it. */
  readonly tcp: string;
  /** Packets that found the queue full so far. */
  dropped(): number;
}

/** Makes the link, which ends with the stack. Throws Unavailable where that cannot be. */
export async function openLink(
  shape: LinkShape,
  { dir, env, signal }: LinkContext,
  stack: AsyncDisposableStack,
): Promise<Link> {
  const programs = findPrograms();
  const command = (program: string, args: readonly string[]): CommandLine => ({
    ...{ program, args, cwd: dir, env },
  });
  const script = fromFileUrl(new URL("forwarder.ts", import.meta.url));
  const args = ["run", "-A", script, DEVICE, JSON.stringify(shape)];
  const forwarder = stack.use(new Service(command(Deno.execPath(), args)));
  const namespaces = await waitForNamespaces(forwarder, signal);
  const sides = ADDRESSES.map((address, index): Side => ({
    address,
    run: ({ program, args, ...rest }) => ({
      program: programs.nsenter,
      args: [`--net=${namespaces[index]}`, "--", program, ...args],
      ...rest,
    }),
  }));
  for (const side of sides) {
    for (const args of settingsOf(side)) {
      await runWell(side.run(command(programs.ip, args)), signal);
    }
  }
  return {
    client: sides[0]!,
    server: sides[1]!,
    tcp: (await Promise.all(SYSCTLS.map(describe))).join(", "),
    dropped: () => lastDropped(forwarder.log),
  };
}

function findPrograms(): { ip: string; nsenter: string } {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    throw new Unavailable("only root on Linux makes network namespaces");
  }
  const [ip, nsenter] = ["ip", "nsenter"].map((name) => findProgram(name));
  if (ip && nsenter) return { ip, nsenter };
  throw new Unavailable("not installed: ip, nsenter");
}

async function waitForNamespaces(
  forwarder: Service,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return (await forwarder.says(NAMESPACES, signal)).slice(1);
  } catch (error) {
    signal.throwIfAborted();
    throw new Unavailable(`no link: ${messageOf(error)}`);
  }
}

/** The arguments of `ip` that bring up one side. */
function settingsOf({ address }: Side): string[][] {
  return [
    ["link", "set", "lo", "up"],
    ["address", "add", `${address}/${PREFIX_BITS}`, "dev", DEVICE],
    [
      ...["link", "set", DEVICE, "mtu", String(MTU)],
      ...["txqueuelen", String(DEVICE_QUEUE), "up"],
    ],
  ];
}

/** New namespaces begin with the settings of the first one. */
async function describe(name: string): Promise<string> {
  const value = await Deno.readTextFile(`/proc/sys/net/ipv4/${name}`);
  return `${name} ${value.trim().replaceAll(/\s+/g, " ")}`;
}

/** What the forwarder said last about packets that found the queue full. */
export function lastDropped(log: string): number {
  const said = log.split("\n").findLast((line) => line.includes('"dropped"'));
  if (said === undefined) return 0;
  const { dropped } = JSON.parse(said) as Dropped;
  return dropped[0] + dropped[1];
}
