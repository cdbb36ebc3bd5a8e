import { assertEquals } from "@std/assert";
import type { Command } from "../../client/command.ts";
import { command as du } from "../../client/commands/du.ts";
import { command as get } from "../../client/commands/get.ts";
import { command as ls } from "../../client/commands/ls.ts";
import { command as mv } from "../../client/commands/mv.ts";
import { command as rm } from "../../client/commands/rm.ts";
import { command as stat } from "../../client/commands/stat.ts";
import { Place } from "./folders.ts";

const COMMANDS: [command: Command, ...argv: string[]][] = [
  [du, "a/"],
  [get, "a/"],
  [get, "-r", "a/"],
  [get, "-n", "a/"],
  [ls, "a/"],
  [ls, "-R", "a/."],
  [mv, "a/", "b"],
  [rm, "a/"],
  [rm, "-rn", "a/"],
  [stat, "a/"],
];

for (const [command, ...argv] of COMMANDS) {
  Deno.test(`netdisk ${command.name} ${argv.join(" ")} takes no file for a folder`, async () => {
    using place = new Place({}, { a: "1", "d/x": "2" });
    const label = argv.find((arg) => arg.startsWith("a"));
    const { error, stdout } = await place.run(command, ...argv);
    assertEquals(
      [error?.code, error?.message, stdout],
      ["not-folder", `${label}: it is not a folder`, ""],
    );
    assertEquals([place.here(), place.there().a], [{}, "1"]);
  });
}

Deno.test("netdisk rm of a file with a slash leaves the others no less removed", async () => {
  using place = new Place({}, { a: "1", b: "2", "d/x": "3" });
  const { error, stderr } = await place.run(rm, "-r", "a/", "b", "d/");
  assertEquals(stderr, "netdisk: error: a/: it is not a folder\n");
  assertEquals(error?.message, "1 of 3 paths could not be removed");
  assertEquals(place.there(), { a: "1" });
});
