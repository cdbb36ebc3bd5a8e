import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/build.ts";
import { checkLayers } from "../../scripts/check_layers.ts";
import { runScript, TempTree } from "./helpers.ts";

const GOOD = {
  "deno.json":
    `{ "version": "0.0.0", "imports": { "#frame": "./protocol/frame.ts" } }`,
  "main.ts": `import config from "./deno.json" with { type: "json" };
import { get } from "./client/get.ts";
import { serve } from "./server/serve.ts";
export const parts = [config, get, serve];`,
  "client/get.ts": `import type { Frame } from "#frame";
export function get(frame: Frame): Promise<unknown> {
  return import("./progress.ts").then(() => frame);
}`,
  "client/progress.ts": `export const bar = "#";`,
  "server/serve.ts": `const url = new URL("./worker.ts", import.meta.url);
export const serve = () => new Worker(url, { type: "module" });`,
  "server/worker.ts": `export { frame } from "../protocol/frame.ts";`,
  "protocol/frame.ts": `/** No Deno.open() here. */
export type Frame = Uint8Array;
export const frame: Frame = new Uint8Array();`,
  "tests/frame_test.ts": `import "../protocol/frame.ts";`,
};

/** The violations in the good tree with some files put in. */
async function violations(files: Record<string, string>): Promise<string[]> {
  await using tree = await TempTree.make({ ...GOOD, ...files });
  return await checkLayers(tree.dir);
}

Deno.test("checkLayers() has nothing against a tree that points down", async () => {
  assertEquals(await violations({}), []);
});

const FORBIDDEN: Record<string, [file: string, text: string, line: string]> = {
  "client to server": [
    "client/put.ts",
    `\nimport "../server/serve.ts";`,
    "client/put.ts:2: imports server/serve.ts: client/ and server/ never meet",
  ],
  "server to client, by type only": [
    "server/session.ts",
    `import type { get } from "../client/get.ts";\nexport type Get = typeof get;`,
    "server/session.ts:1: imports client/get.ts: client/ and server/ never meet",
  ],
  "protocol to server, dynamically": [
    "protocol/up.ts",
    `export const up = () => import("../server/serve.ts");`,
    "protocol/up.ts:1: imports server/serve.ts: protocol/ is the wire",
  ],
  "a Worker of the other side": [
    "client/spawn.ts",
    `\nnew Worker(new URL("../server/worker.ts", import.meta.url));`,
    "client/spawn.ts:2: imports server/worker.ts: client/ and server/ never meet",
  ],
  "main.ts": [
    "client/again.ts",
    `import "../main.ts";`,
    "client/again.ts:1: imports main.ts: nothing imports main.ts",
  ],
  "tests": [
    "server/fake.ts",
    `import "../tests/frame_test.ts";`,
    "server/fake.ts:1: imports tests/frame_test.ts: tests/ and scripts/ are no part",
  ],
  "a folder of its own": [
    "server/util.ts",
    `import "../deno.json" with { type: "json" };\nimport "../lib/x.ts";`,
    "server/util.ts:2: imports lib/x.ts: the program is main.ts,",
  ],
  "file modules in protocol": [
    "protocol/disk.ts",
    `import { openSync } from "node:fs";\nexport const o = openSync;`,
    "protocol/disk.ts:1: imports node:fs: protocol/ takes and gives bytes",
  ],
  "file access in protocol": [
    "protocol/disk.ts",
    `export const text = await Deno.readTextFile("x");`,
    "protocol/disk.ts:1: protocol/ takes and gives bytes",
  ],
  "barrels": [
    "client/mod.ts",
    `export { get } from "./get.ts";`,
    "client/mod.ts: no barrels",
  ],
  "export of everything": [
    "client/all.ts",
    `export * from "./get.ts";`,
    "client/all.ts:1: no barrels",
  ],
  "default exports": [
    "server/one.ts",
    `export default 1;`,
    "server/one.ts:1: no default exports",
  ],
  "what is not there": [
    "client/lost.ts",
    `import "./nowhere.ts";`,
    "client/nowhere.ts: Module not found",
  ],
};

for (const [name, [file, text, line]] of Object.entries(FORBIDDEN)) {
  Deno.test(`checkLayers() refuses ${name}`, async () => {
    const found = await violations({ "lib/x.ts": "", [file]: text });
    assertEquals(found.length, 1, found.join("\n"));
    assertStringIncludes(found[0]!, line);
  });
}

Deno.test("checkLayers() refuses a cycle, once, types included", async () => {
  const found = await violations({
    "server/a.ts": `import "./b.ts";`,
    "server/b.ts": `import type { C } from "./c.ts";\nexport type B = C;`,
    "server/c.ts":
      `export type C = 1;\nexport const a = () => import("./a.ts");`,
  });
  assertEquals(found.length, 1, found.join("\n"));
  assertStringIncludes(
    found[0]!,
    "cycle server/a.ts -> server/b.ts -> server/c.ts -> server/a.ts",
  );
});

Deno.test("checkLayers() refuses a folder without a program", async () => {
  await using tree = await TempTree.make({ "README.md": "" });
  await assertRejects(() => checkLayers(tree.dir), Error, "no program in");
});

Deno.test("check_layers.ts tells violations on stderr and by its status", async () => {
  const script = join(ROOT, "scripts/check_layers.ts");
  await using good = await TempTree.make(GOOD);
  assertEquals(await runScript(script, [good.dir]), {
    code: 0,
    stdout: "layers: imports only point down\n",
    stderr: "",
  });

  await good.write("client/put.ts", `import "../server/serve.ts";`);
  const { code, stdout, stderr } = await runScript(script, [good.dir]);
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(
    stderr,
    "layers: client/put.ts:1: imports server/serve.ts: ",
  );
});
