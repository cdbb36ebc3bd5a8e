import { assertEquals } from "@std/assert";
import { splitServer } from "../../client/completion_names.ts";

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
