import { assertEquals } from "@std/assert";
import { localPath } from "../../client/local_path.ts";

Deno.test("localPath() has slashes only, where a backslash separates", {
  permissions: "none",
}, () => {
  const cases: [typed: string, windows: string][] = [
    ["a\\b", "a/b"],
    ["a\\", "a/"],
    ["C:\\Users\\ann\\x.txt", "C:/Users/ann/x.txt"],
    ["..\\x/y", "../x/y"],
    ["\\\\host\\share\\x", "//host/share/x"],
    ["a/b", "a/b"],
    ["-", "-"],
    ["\\\\?\\C:\\x", "\\\\?\\C:\\x"],
    ["\\\\.\\pipe\\x", "\\\\.\\pipe\\x"],
  ];
  for (const [typed, windows] of cases) {
    assertEquals(localPath(typed, "windows"), windows);
    assertEquals(localPath(typed, "linux"), typed);
    assertEquals(localPath(typed, "darwin"), typed);
  }
});
