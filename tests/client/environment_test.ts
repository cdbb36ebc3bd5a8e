import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ENVIRONMENT } from "../../client/environment.ts";
import { optionsOf } from "../../client/command.ts";
import { COMMANDS } from "../../main.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** As a variable is asked for, or one of our own is named. */
const READS = /(?:\benv(?:\.get)?\(\s*"|"(?=NETDISK_))([A-Z_]+)"/g;

const LIST = join("client", "environment.ts");

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("every variable that is read is explained, and no other", () => {
  const paths = ["main.ts", ...sources("client"), ...sources("server")];
  const read = paths.flatMap((path) => {
    if (path === LIST) return [];
    const text = Deno.readTextFileSync(join(ROOT, path));
    return [...text.matchAll(READS)].map(([, name = ""]) => name);
  });
  // The choice by the system stands in one expression.
  const choice = ["APPDATA", "XDG_CONFIG_HOME"];
  assertEquals(
    new Set(ENVIRONMENT.map(([name]) => name)),
    new Set([...read, ...choice]),
  );
});

Deno.test("every variable that stands in for an option is explained", async () => {
  const explained = ENVIRONMENT.map(([name]) => name);
  for (const { load } of COMMANDS) {
    for (const { env, name } of optionsOf(await load())) {
      assert(env === undefined || explained.includes(env), name);
    }
  }
});
