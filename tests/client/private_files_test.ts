import { assertEquals, assertThrows } from "@std/assert";
import { isForOthers } from "../../client/password.ts";
import {
  checkPrivateFile,
  checkPrivateFolder,
} from "../../client/private_files.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

Deno.test("modes decide who reads a secret, but not on Windows, where each file has 666", () => {
  using folder = tempFolder();
  const path = `${folder.path}/secret`;
  Deno.writeTextFileSync(path, "");
  Deno.chmodSync(path, 0o666);
  Deno.chmodSync(folder.path, 0o777);
  assertThrows(() => checkPrivateFile(path, "linux"), NetdiskError);
  assertThrows(() => checkPrivateFolder(folder.path, "darwin"), NetdiskError);
  assertEquals(checkPrivateFile(path, "windows").size, 0);
  checkPrivateFolder(folder.path, "windows");
  const info = Deno.statSync(path);
  assertEquals(isForOthers(info, "linux"), true);
  assertEquals(isForOthers(info, "windows"), false);
});
