import { assertEquals } from "@std/assert";
import { candidate, splitServer } from "../../client/completion_names.ts";

Deno.test("splitServer() takes off the short name of a server that is known", () => {
  const servers = [
    { address: "one:1" },
    { address: "two:2", name: "home" },
  ];
  const none = (path: string) => ({ label: "", path, address: undefined });
  const home = (path: string) => ({ label: "home:", path, address: "two:2" });
  assertEquals(splitServer("", servers), none(""));
  assertEquals(splitServer("home", servers), none("home"));
  assertEquals(splitServer("home:", servers), home(""));
  assertEquals(splitServer("home:a/b:c", servers), home("a/b:c"));
  assertEquals(splitServer("a/home:b", servers), none("a/home:b"));
  assertEquals(splitServer("other:b", servers), none("other:b"));
  assertEquals(splitServer("undefined:b", servers), none("undefined:b"));
});

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
