import { assertEquals, assertThrows } from "@std/assert";
import { Results } from "../../client/results.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { memoryOutput } from "../helpers/memory_output.ts";

const pure = { permissions: "none" } as const;

Deno.test("Results of successes end well", pure, () => {
  const results = new Results(2, "uploaded");
  results.succeeded();
  results.succeeded();
  results.finish();
  assertEquals(results.failures, 0);
});

Deno.test("Results throw the failure of a single file as it is", pure, () => {
  const { output, system } = memoryOutput();
  const failure = new NetdiskError("quota", "a: no room", {
    hint: "netdisk rm",
  });
  const results = new Results(1, "uploaded");
  results.failed(failure, output, { name: "a" });
  assertEquals(system.stderr.text, "", "main.ts reports it");
  assertEquals(assertThrows(() => results.finish()), failure);
});

Deno.test("Results tell of each failure of several at once", pure, () => {
  const { output, system } = memoryOutput({ modes: { json: true } });
  const results = new Results(3, "uploaded");
  results.failed(new NetdiskError("quota", "a: no room"), output, {
    name: "a",
  });
  results.succeeded();
  results.failed(
    new NetdiskError("io", "c: broken", { hint: "try again" }),
    output,
    { name: "c" },
  );
  output.flush();
  assertEquals(
    system.stderr.text,
    "netdisk: error: a: no room\n" +
      "netdisk: error: c: broken\nnetdisk: hint: try again\n",
  );
  assertEquals(
    system.stdout.text.trim().split("\n").map((line) => JSON.parse(line)),
    [
      {
        type: "error",
        version: 1,
        code: "quota",
        message: "a: no room",
        exitCode: 6,
        name: "a",
      },
      {
        type: "error",
        version: 1,
        code: "io",
        message: "c: broken",
        hint: "try again",
        exitCode: 1,
        name: "c",
      },
    ],
  );
  const error = assertThrows(() => results.finish(), NetdiskError);
  assertEquals(
    [error.code, error.message],
    ["partial", "2 of 3 files were not uploaded"],
  );
});
