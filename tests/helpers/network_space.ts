/**
 * A machine of its own, as far as the network goes: a network namespace that
 * begins with loopback alone, held by a process that ends with the test however
 * that ends.
 */

import { UNSHARED_NETWORK } from "./needs.ts";
import { Process } from "./process.ts";
import { ENVIRONMENT } from "./program.ts";

/** `ip` may lie where only root looks. */
const ENV = { ...ENVIRONMENT, PATH: `${ENVIRONMENT.PATH}:/usr/sbin:/sbin` };

/** One such machine. */
export class NetworkSpace implements AsyncDisposable {
  readonly #holder: Process;

  private constructor(holder: Process) {
    this.#holder = holder;
  }

  /** @param inside one within whose namespaces it is made, to be joined with it */
  static async open(inside?: NetworkSpace): Promise<NetworkSpace> {
    const unshare = inside ? ["unshare", "--net"] : UNSHARED_NETWORK;
    // Its input ends with this process, if that should be killed.
    const script = "ip link set lo up && echo ready $$ && exec cat";
    const holder = new Process(
      [...inside?.enter ?? [], ...unshare, "sh", "-c", script],
      { cwd: "/", env: ENV, stdin: "piped" },
    );
    try {
      await holder.says("stdout", /ready/);
      return new NetworkSpace(holder);
    } catch (error) {
      await holder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs on this machine the command line that follows. */
  get enter(): readonly string[] {
    const user = Deno.uid() === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", "--target", `${this.#holder.pid}`, ...user, "--net"];
  }

  /** Lays a cable from here to another one that was made inside this, of the same /24. */
  async connect(
    other: NetworkSpace,
    own: string,
    others: string,
    name = "lan0",
  ): Promise<void> {
    const peer = `${other.#holder.pid}`;
    const link = ["link", "add", name, "type", "veth"];
    await this.#ip(...link, "peer", "name", name, "netns", peer);
    for (const [space, address] of [[this, own], [other, others]] as const) {
      await space.#ip("addr", "add", `${address}/24`, "dev", name);
      await space.#ip("link", "set", name, "up");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }

  async #ip(...args: string[]): Promise<void> {
    await using process = new Process([...this.enter, "ip", ...args], {
      cwd: "/",
      env: ENV,
    });
    const { code, stderr } = await process.outcome();
    if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  }
}
