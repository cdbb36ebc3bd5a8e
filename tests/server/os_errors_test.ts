import { assertEquals, assertStrictEquals } from "@std/assert";
import { join } from "@std/path";
import * as fs from "node:fs";
import { NetdiskError } from "../../protocol/errors.ts";
import { errnoOf, toStorageError } from "../../server/os_errors.ts";
import { osError } from "../helpers/faults.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

Deno.test("real failures of the system get the code that the client can use", () => {
  using folder = tempFolder();
  const at = (name: string) => join(folder.path, name);
  Deno.writeTextFileSync(at("file"), "x");
  Deno.symlinkSync(at("loop"), at("loop"));
  const cases: [string, () => unknown][] = [
    ["not-found", () => Deno.lstatSync(at("nothing"))],
    ["not-found", () => fs.openSync(at("nothing"), "r")],
    ["exists", () => Deno.mkdirSync(at("file"))],
    ["not-folder", () => Deno.lstatSync(at("file/below"))],
    ["not-folder", () => [...Deno.readDirSync(at("file"))]],
    ["is-folder", () => Deno.renameSync(at("file"), folder.path)],
    ["is-folder", () => Deno.openSync(folder.path, { write: true })],
    ["is-folder", () => Deno.removeSync(folder.path)],
    ["denied", () => Deno.openSync(at("loop"))],
    ["denied", () => fs.openSync(at("loop"), fs.constants.O_NOFOLLOW)],
    ["bad-name", () => Deno.lstatSync(at("x".repeat(256)))],
    ["bad-name", () => Deno.lstatSync(at("x/".repeat(3000)))],
  ];
  for (const [code, work] of cases) {
    const error = thrownBy(work);
    const answer = toStorageError(error);
    assertEquals(answer.code, code, `${work}: ${error}`);
    assertStrictEquals(answer.cause, error);
  }
});

Deno.test("a full, failing or read-only disk, a full table and a strange device", () => {
  const cases = {
    ENOSPC: "disk-full",
    EDQUOT: "disk-full",
    EROFS: "disk-full",
    EIO: "io",
    EFBIG: "too-large",
    ENAMETOOLONG: "bad-name",
    EMFILE: "busy",
    ENFILE: "busy",
    ENXIO: "denied",
    EACCES: "denied",
    EPERM: "denied",
    EXDEV: "io",
    ENEVER: "io",
  };
  for (const [errno, code] of Object.entries(cases)) {
    assertEquals(toStorageError(osError(errno)).code, code, errno);
  }
});

Deno.test("what Deno throws without a code is known by its class", () => {
  assertEquals(errnoOf(new Deno.errors.NotFound("x")), "ENOENT");
  assertEquals(errnoOf(new Deno.errors.PermissionDenied("x")), "EACCES");
  assertEquals(errnoOf(new Deno.errors.FilesystemLoop("x")), "ELOOP");
  assertEquals(errnoOf(new Error("x")), undefined);
  assertEquals(errnoOf("x"), undefined);
  assertEquals(errnoOf(undefined), undefined);
});

Deno.test({
  name: "what Deno throws with a number only is known by that",
  ignore: Deno.build.os !== "linux",
  fn() {
    const error = (text: string) => new Error(`${text}: open '/a/b'`);
    const quota = error("Disk quota exceeded (os error 122)");
    assertEquals(toStorageError(quota).code, "disk-full");
    const large = error("File too large (os error 27)");
    assertEquals(toStorageError(large).code, "too-large");
    const files = error("Too many open files in system (os error 23)");
    assertEquals(toStorageError(files).code, "busy");
    assertEquals(errnoOf(error("Something else (os error 999)")), undefined);
  },
});

Deno.test("no path of the server's disk is in an answer", () => {
  using folder = tempFolder();
  const secret = join(folder.path, "secret-name");
  const error = thrownBy(() => Deno.lstatSync(secret));
  assertEquals(`${error}`.includes("secret-name"), true);
  assertEquals(toStorageError(error).message, "no such file or folder");
  assertEquals(
    toStorageError(new Error(`cannot open ${secret}`)).message,
    "the server's disk failed",
  );
  assertEquals(
    toStorageError(osError("EIO")).message,
    "the server's disk failed (EIO)",
  );
});

Deno.test("an error that is meant for the client passes as it is", () => {
  const error = new NetdiskError("quota", "no room left");
  assertStrictEquals(toStorageError(error), error);
});
