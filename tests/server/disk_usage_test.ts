import { assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { bytesBelow } from "../../server/disk_usage.ts";
import { plainFolders } from "../../server/folder_reader.ts";
import { costOfAtLeast } from "../../server/quota_cost.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const BYTES = costOfAtLeast(0);

Deno.test("files count at any depth, and whatever else there is at least 4 KiB", async () => {
  using folder = tempFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  assertEquals(await bytesBelow(folder.path, plainFolders, BYTES), 0);
  Deno.mkdirSync(at("a/b/c"), { recursive: true });
  for (let n = 0; n < 700; n++) Deno.writeTextFileSync(at(`a/${n}`), "x");
  Deno.writeTextFileSync(at("a/b/c/file"), "0123456789");
  Deno.linkSync(at("a/b/c/file"), at("hard"));
  Deno.symlinkSync("a", at("folder-link"));
  Deno.symlinkSync("hard", at("link"));
  new Deno.Command("mkfifo", { args: [at("fifo")] }).outputSync();
  Deno.writeTextFileSync(at("large"), "x".repeat(5000));
  assertEquals(await bytesBelow(folder.path, plainFolders, BYTES), 5720);
  // 702 small files, 3 folders, 2 links, a pipe.
  assertEquals(
    await bytesBelow(folder.path, plainFolders, costOfAtLeast(4096)),
    708 * 4096 + 5000,
  );
  assertEquals(await bytesBelow(at("none"), plainFolders, BYTES), 0);
});

Deno.test("what lies too deep to be counted is not left out", async () => {
  using folder = tempFolder();
  const name = "n".repeat(250);
  const deep = (folder: string) =>
    Deno.mkdirSync(`${folder}/${Array(12).fill(name).join("/")}`, {
      recursive: true,
    });
  deep(`${folder.path}/a`);
  deep(`${folder.path}/b`);
  const bottom = `${folder.path}/a/${Array(12).fill(name).join("/")}`;
  Deno.renameSync(`${folder.path}/b`, `${bottom}/b`);
  const error = await assertRejects(
    () => bytesBelow(folder.path, plainFolders, BYTES),
    NetdiskError,
  );
  assertEquals(error.code, "quota");
  Deno.renameSync(`${bottom}/b`, `${folder.path}/b`);
  assertEquals(await bytesBelow(folder.path, plainFolders, BYTES), 0);
});

Deno.test("a disk that fails is an error", async () => {
  const broken = {
    // deno-lint-ignore require-yield -- it fails
    async *read(): AsyncGenerator<string[]> {
      await Promise.resolve();
      throw Object.assign(new Error("disk"), { code: "EIO" });
    },
  };
  const error = await assertRejects(
    () => bytesBelow("/", broken, BYTES),
    NetdiskError,
  );
  assertEquals(error.code, "io");
});
