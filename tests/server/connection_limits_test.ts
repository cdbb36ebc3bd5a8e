import { assertEquals } from "@std/assert";
import {
  connectionLimit,
  raiseDescriptorLimit,
} from "../../server/connection_limits.ts";

/** A system with these limits, and the one that it is given. */
function systemWith(soft: bigint, hard: bigint) {
  const set: [bigint, bigint][] = [];
  return {
    set,
    descriptorLimit: () => ({ soft, hard }),
    setDescriptorLimit(soft: bigint, hard: bigint): void {
      set.push([soft, hard]);
    },
  };
}

Deno.test("the limit is raised as far as it may be, and no further than makes sense", () => {
  const infinity = 2n ** 64n - 1n;
  const cases: [soft: bigint, hard: bigint, result: number][] = [
    [1024n, 20_000n, 20_000],
    [20_000n, 20_000n, 20_000],
    [1024n, infinity, 1_048_576],
    [2_000_000n, infinity, 2_000_000],
  ];
  for (const [soft, hard, result] of cases) {
    const system = systemWith(soft, hard);
    assertEquals(raiseDescriptorLimit(system), result);
    const raised = BigInt(result) > soft;
    assertEquals(system.set, raised ? [[BigInt(result), hard]] : []);
  }
});

Deno.test({
  name: "where the limit cannot be raised it is what it is",
  ignore: Deno.build.os !== "linux",
  fn() {
    const fixed = {
      ...systemWith(1n, 2n),
      setDescriptorLimit(): void {
        throw new Error("not here");
      },
    };
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const soft = Number(/open files\s+(\d+)/.exec(limits)![1]);
    assertEquals(raiseDescriptorLimit(fixed), soft);
    assertEquals(raiseDescriptorLimit(undefined), soft);
  },
});

Deno.test("connections and our own take 80 % of the descriptors at most", () => {
  assertEquals(connectionLimit(null, 1_000_000), 10_000);
  assertEquals(connectionLimit(50_000, 1_000_000), 50_000);
  assertEquals(connectionLimit(50_000, 20_000), 15_936);
  assertEquals(connectionLimit(null, 1024), 755);
  assertEquals(connectionLimit(5, 1024), 5);
  assertEquals(connectionLimit(5, 10), 1);
  assertEquals(connectionLimit(null, undefined), 10_000);
});
