import { assertEquals } from "@std/assert";
import { command as quota } from "../../../client/commands/quota.ts";
import { play } from "../../helpers/play.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const GIB = 1024 ** 3;

const CASES: [used: number, limit: number | null, line: string][] = [
  [1.4 * GIB, 10 * GIB, "1.40 GiB used of 10.0 GiB, 8.60 GiB free"],
  [1.4 * GIB, null, "1.40 GiB used, no limit"],
  [0, 0, "0 B used of 0 B, 0 B free"],
  [20, 10, "20 B used of 10 B, 0 B free"],
];

for (const [given, limit, line] of CASES) {
  Deno.test(`netdisk quota: ${line}`, strict, async () => {
    const used = Math.round(given);
    const script: Parameters<typeof play>[2] = async (server) => {
      await server.request("quota");
      await server.say({ type: "working" }, { type: "quota", used, limit });
      await server.left();
    };
    const { stdout, stderr, error } = await play(quota, [], script);
    assertEquals([stdout, stderr, error], [`${line}\n`, "", undefined]);
    const json = await play(quota, ["--json"], script);
    const free = limit === null ? null : Math.max(0, limit - used);
    assertEquals(json.objects(), [
      { type: "quota", version: 1, used, limit, free },
    ]);
  });
}
