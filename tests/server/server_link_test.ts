import { assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { readServerLink, writeServerLink } from "../../server/server_link.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const LINK = { host: "::1", port: 7000, fingerprint: "a".repeat(43) };

Deno.test("a server's link is read as it was written last, and is for its owner alone", () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/.netdisk`);
  writeServerLink(folder.path, { host: "old", port: 1 });
  writeServerLink(folder.path, LINK);
  assertEquals(readServerLink(folder.path), LINK);
  const { mode } = Deno.statSync(`${folder.path}/.netdisk/link`);
  assertEquals(mode! & 0o777, 0o600);
});

Deno.test("readServerLink() says what to do where no server was ready, or the file is damaged", () => {
  using folder = tempFolder();
  const damaged = ["", "netdisk://", "::::"];
  for (const text of [undefined, ...damaged]) {
    if (text !== undefined) {
      Deno.mkdirSync(`${folder.path}/.netdisk`, { recursive: true });
      Deno.writeTextFileSync(`${folder.path}/.netdisk/link`, text);
    }
    const error = assertThrows(
      () => readServerLink(folder.path),
      NetdiskError,
      "does not tell how the server is reached",
    );
    assertEquals(error.code, "local-io");
  }
});

Deno.test("writeServerLink() does not throw where it cannot write", () => {
  using folder = tempFolder();
  writeServerLink(folder.path, LINK);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
