import { assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { bytesBelow } from "../../server/disk_usage.ts";
import { plainFolders } from "../../server/folder_reader.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

Deno.test("files count at any depth; folders, links and pipes do not", async () => {
  using folder = tempFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  assertEquals(await bytesBelow(folder.path, plainFolders), 0);
  Deno.mkdirSync(at("a/b/c"), { recursive: true });
  for (let n = 0; n < 700; n++) Deno.writeTextFileSync(at(`a/${n}`), "x");
  Deno.writeTextFileSync(at("a/b/c/file"), "0123456789");
  Deno.linkSync(at("a/b/c/file"), at("hard"));
  Deno.symlinkSync("a", at("folder-link"));
  Deno.symlinkSync("hard", at("link"));
  new Deno.Command("mkfifo", { args: [at("fifo")] }).outputSync();
  assertEquals(await bytesBelow(folder.path, plainFolders), 720);
  assertEquals(await bytesBelow(at("none"), plainFolders), 0);
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
    () => bytesBelow(folder.path, plainFolders),
    NetdiskError,
  );
  assertEquals(error.code, "quota");
  Deno.renameSync(`${bottom}/b`, `${folder.path}/b`);
  assertEquals(await bytesBelow(folder.path, plainFolders), 0);
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
    () => bytesBelow("/", broken),
    NetdiskError,
  );
  assertEquals(error.code, "io");
});
