import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { tempFolder } from "../helpers/temp_folder.ts";
import { Ledger } from "./ledger.ts";
import { contentOf, versionOf } from "./versions.ts";

Deno.test("a version is known by its bytes, and by all of them", () => {
  const version = { name: "folder/file", number: 7, size: 5000 };
  const bytes = contentOf(version);
  assertEquals(bytes.length, 5000);
  assertEquals(versionOf(bytes), version);
  assertEquals(versionOf(bytes.subarray(0, 4999)), undefined);
  assertEquals(versionOf(new Uint8Array(5000)), undefined);
  assertEquals(versionOf(new Uint8Array(0)), undefined);
  const next = contentOf({ ...version, number: 8 });
  const mixture = bytes.slice();
  mixture.set(next.subarray(4096), 4096);
  assertEquals(versionOf(mixture), undefined);
});

Deno.test("a ledger tells what is lost, torn or nobody's", () => {
  using home = tempFolder();
  const ledger = new Ledger();
  const [old, kept] = [ledger.send("file", 300), ledger.send("file", 400)];
  const later = ledger.send("file", 500);
  const write = (name: string, bytes: Uint8Array) =>
    Deno.writeFileSync(join(home.path, name), bytes);
  const findings = () => {
    const { lost, torn } = ledger.check(home.path);
    return [lost.length, torn.length];
  };
  assertEquals(findings(), [0, 0], "nothing was promised");
  ledger.acknowledge(kept);
  assertEquals(findings(), [1, 0], "it is missing");
  write("file", contentOf(old));
  assertEquals(findings(), [1, 0], "it is too old");
  write("file", contentOf(kept));
  assertEquals(findings(), [0, 0]);
  write("file", contentOf(later));
  assertEquals(findings(), [0, 0], "a later put need not be acknowledged");
  write("file", contentOf(later).subarray(1));
  assertEquals(findings(), [0, 1], "it is torn");
  write("file", contentOf({ ...later, name: "other" }));
  assertEquals(findings(), [0, 1], "it is that of another name");
  write("file", contentOf({ ...later, number: 4 }));
  assertEquals(findings(), [0, 1], "it was never sent");
  write("file", contentOf(kept));
  write("stray", new Uint8Array(1));
  assertEquals(findings(), [0, 1], "nobody has put it");
});
