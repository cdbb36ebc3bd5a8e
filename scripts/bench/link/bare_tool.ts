/** bare.ts as somebody who takes turns, and as a ruler for the link. */
import { fromFileUrl } from "@std/path";
import { runWell, Service } from "../process.ts";
import type { CommandLine, Stage } from "../tool.ts";
import { type Player, takeTurns } from "../turns.ts";
import type { Done } from "./bare.ts";

const SCRIPT = fromFileUrl(new URL("bare.ts", import.meta.url));
const READY = /^\{"port":(\d+)\}$/m;
/** One to connect, one for the question and its answer. */
const ROUND_TRIPS_OF_ONE_BYTE = 2;
const ROUND_TRIP_RUNS = 10;

/** A running server of bare streams. */
export interface Bare {
  /** Somebody who moves so many bytes over so many connections. */
  player(
    kind: "put" | "get",
    { bytes, connections }: { bytes: number; connections: number },
  ): Player;
}

/** Starts the server, which ends with the stack. */
export async function openBare(
  { dir, env, client, server, signal }: Stage,
  stack: AsyncDisposableStack,
): Promise<Bare> {
  const command = (...args: string[]): CommandLine => ({
    program: Deno.execPath(),
    args: ["run", "-A", SCRIPT, ...args],
    cwd: dir,
    env,
  });
  const { address } = server;
  const service = stack.use(
    new Service(server.run(command("serve", address))),
  );
  const [, port] = await service.says(READY, signal);
  return {
    player(kind, { bytes, connections }) {
      const numbers = [port!, String(bytes), String(connections)];
      const line = client.run(command(kind, address, ...numbers));
      const plural = connections === 1 ? "" : "s";
      return {
        name: `bare TCP, ${connections} connection${plural}`,
        async play() {
          const { stdout } = await runWell(line, signal);
          return (JSON.parse(stdout) as Done).seconds;
        },
      };
    },
  };
}

/** Seconds there and back, at best: what comes on top is the machine's, not the link's. */
export async function measureRoundTrip(bare: Bare): Promise<number> {
  const one = bare.player("put", { bytes: 1, connections: 1 });
  const [series] = await takeTurns([one], { rounds: ROUND_TRIP_RUNS });
  return Math.min(...series!.seconds) / ROUND_TRIPS_OF_ONE_BYTE;
}
