/** The program under test: dist/netdisk, or main.ts with NETDISK_FROM_SOURCE=1. */

import { join } from "@std/path";
import { BINARY, ROOT } from "../../scripts/build.ts";

const FROM_SOURCE = Deno.env.get("NETDISK_FROM_SOURCE") === "1";

/** The program, to be followed by its arguments. */
export const PROGRAM: readonly string[] = FROM_SOURCE
  ? [
    ...[Deno.execPath(), "run", "-A", "--quiet"],
    ...["--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")],
  ]
  : [BINARY];

/** What it needs of our environment; times are shown in UTC. */
export const ENVIRONMENT: Record<string, string> = {
  PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
  TZ: "UTC",
  ...(FROM_SOURCE ? { DENO_DIR: denoFolder() } : {}),
};

/** Where this Deno keeps modules, which another home would hide from it. */
function denoFolder(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
