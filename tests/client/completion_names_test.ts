import { assertEquals } from "@std/assert";
import { candidate } from "../../client/completion_names.ts";

Deno.test("candidate(): no option, and no file of another server", () => {
  const servers = [{ address: "two:2", name: "home" }];
  const cases: [folder: string, name: string, path: string][] = [
    ["", "a", "a"],
    ["", "-a", "./-a"],
    ["b/", "-a", "b/-a"],
    ["", "home:a", "./home:a"],
    ["", "other:a", "other:a"],
    ["b/", "home:a", "b/home:a"],
  ];
  for (const [folder, name, path] of cases) {
    const file = { name, kind: "file" } as const;
    assertEquals(candidate(folder, file, servers), path);
  }
  const folder = { name: "home:a", kind: "folder" } as const;
  assertEquals(candidate("", folder, servers), "./home:a/");
  // Behind the name of a server there is no other one.
  assertEquals(candidate("", folder, []), "home:a/");
});
