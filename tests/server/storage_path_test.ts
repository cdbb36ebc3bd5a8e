import { assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { MAX_DEPTH } from "../../protocol/remote_path.ts";
import {
  dataFolder,
  diskNameFault,
  existingStoragePath,
  storagePath,
  uploadsFolder,
  userFolder,
} from "../../server/storage_path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** A user's folder with a file, folders, and links that lead everywhere. */
function makeHome(root: string): string {
  const home = `${root}/users/ann`;
  Deno.mkdirSync(`${home}/a/b`, { recursive: true });
  Deno.mkdirSync(`${root}/users/bob`);
  Deno.writeTextFileSync(`${root}/users/bob/secret`, "secret");
  Deno.writeTextFileSync(`${home}/file`, "x");
  Deno.symlinkSync("../bob", `${home}/bob`);
  Deno.symlinkSync("../bob/secret", `${home}/secret`);
  Deno.symlinkSync("b", `${home}/a/link`);
  Deno.symlinkSync("nowhere", `${home}/dangling`);
  return home;
}

function codeOf(work: () => unknown): string {
  return assertThrows(work, NetdiskError).code;
}

Deno.test("the server's own folder and a user's", () => {
  assertEquals(dataFolder("/disk"), "/disk/.netdisk");
  assertEquals(uploadsFolder("/disk"), "/disk/.netdisk/uploads");
  assertEquals(userFolder("/disk", "ann"), "/disk/users/ann");
  for (const user of ["", ".", "..", "../x", "a/b", "Ann", "a b", ".netdisk"]) {
    assertEquals(codeOf(() => userFolder("/disk", user)), "bad-name", user);
  }
});

Deno.test("on Windows no user has the folder of another one, or a device", () => {
  for (const user of ["ann.", "ann..", "con", "nul.txt", "com1"]) {
    assertEquals(userFolder("/disk", user, "linux"), `/disk/users/${user}`);
    assertEquals(
      codeOf(() => userFolder("/disk", user, "windows")),
      "bad-name",
      user,
    );
  }
  assertEquals(userFolder("/disk", "a.b", "windows"), "/disk/users/a.b");
});

Deno.test("on Windows no part of a path is a device, or has another name", () => {
  for (const path of ["nul", "a/con.txt", "a./b", "a/b ", "C:", "a\\b"]) {
    const of = (os: typeof Deno.build.os) =>
      storagePath("/disk/users/ann", path, () => true, os);
    assertEquals(of("linux").path, `/disk/users/ann/${path}`);
    assertEquals(codeOf(() => of("windows")), "bad-name", path);
  }
});

Deno.test("diskNameFault() is about Windows alone", () => {
  assertEquals(diskNameFault("nul", "linux"), undefined);
  assertEquals(diskNameFault("nul", "darwin"), undefined);
  assertEquals(typeof diskNameFault("nul", "windows"), "string");
});

Deno.test("a remote path becomes a path below the user's folder", () => {
  using folder = tempFolder();
  const home = makeHome(folder.path);
  const cases: [remote: string, disk: string, missing: string[]][] = [
    ["", "", []],
    ["file", "/file", []],
    ["new", "/new", []],
    ["a/b/c", "/a/b/c", []],
    ["n/o/c", "/n/o/c", ["/n", "/n/o"]],
    ["a/n/o/c", "/a/n/o/c", ["/a/n", "/a/n/o"]],
    // What could mean something else elsewhere is a name here.
    ["~", "/~", []],
    ["a\\b", "/a\\b", []],
    ["%2e%2e", "/%2e%2e", []],
    ["...", "/...", []],
    ["C:", "/C:", []],
    [".netdisk", "/.netdisk", []],
    ["-rf", "/-rf", []],
  ];
  for (const [remote, disk, missing] of cases) {
    assertEquals(storagePath(home, remote), {
      path: home + disk,
      missingFolders: missing.map((path) => home + path),
    });
  }
});

Deno.test("names that could lead out of the folder are refused", () => {
  using folder = tempFolder();
  const home = makeHome(folder.path);
  const refused = [
    "..",
    "../bob/secret",
    "a/../../bob/secret",
    "a/..",
    ".",
    "./file",
    "/etc/passwd",
    "a//b",
    "a/",
    "file\0",
    "a\nb",
    "\ud800",
    "x".repeat(256),
    "é".repeat(128),
    "a/".repeat(2048) + "f",
  ];
  for (const path of refused) {
    const label = JSON.stringify(path.slice(0, 40));
    assertEquals(codeOf(() => storagePath(home, path)), "bad-name", label);
  }
});

Deno.test("a link on the way is refused, wherever it leads", () => {
  using folder = tempFolder();
  const home = makeHome(folder.path);
  for (
    const path of [
      "bob/secret",
      "bob/new",
      "a/link/x",
      "secret/x",
      "dangling/x",
    ]
  ) {
    assertEquals(codeOf(() => storagePath(home, path)), "denied", path);
    assertEquals(codeOf(() => existingStoragePath(home, path)), "denied", path);
  }
  // The last part is looked at by whoever opens it.
  assertEquals(storagePath(home, "secret").path, `${home}/secret`);
});

Deno.test("a file on the way is no folder", () => {
  using folder = tempFolder();
  const home = makeHome(folder.path);
  for (const path of ["file/x", "file/x/y"]) {
    assertEquals(codeOf(() => storagePath(home, path)), "not-folder", path);
  }
});

Deno.test("folders may lie in each other, but not without end", () => {
  const path = "a/".repeat(MAX_DEPTH - 1) + "a";
  assertEquals(storagePath("/nowhere", path).path, `/nowhere/${path}`);
  assertEquals(codeOf(() => storagePath("/nowhere", path + "/a")), "bad-name");
});

Deno.test("existingStoragePath() wants the folders to be there", () => {
  using folder = tempFolder();
  const home = makeHome(folder.path);
  assertEquals(existingStoragePath(home, ""), home);
  assertEquals(existingStoragePath(home, "a/b/new"), `${home}/a/b/new`);
  assertEquals(codeOf(() => existingStoragePath(home, "n/x")), "not-found");
});
