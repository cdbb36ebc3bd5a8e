import { assert, assertEquals, assertRejects } from "@std/assert";
import { namesIn } from "../../server/folder_reader.ts";
import { Libc } from "../../server/libc.ts";
import { MAX_OPEN_FOLDERS } from "../../server/privileged_calls.ts";
import { errnoOf } from "../../server/os_errors.ts";
import type {
  Answer,
  CallName,
  FolderPage,
  PrivilegedPort,
} from "../../server/privileged_calls.ts";
import { startPrivilegedService } from "../../server/privileged_service.ts";
import { within } from "../helpers/deadline.ts";
import { descriptorsBelow } from "../helpers/faults.ts";
import { pagedFolders } from "../helpers/paged_folders.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const ignore = Deno.build.os !== "linux";

/** A root with a service, and a neighbour that is none of its business. */
function testService(
  name: string,
  work: (port: PrivilegedPort, root: string) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      using folder = tempFolder();
      const base = Deno.realPathSync(folder.path);
      const root = `${base}/root`;
      Deno.mkdirSync(`${base}/root-2/inner`, { recursive: true });
      Deno.mkdirSync(`${root}/large`, { recursive: true });
      Deno.writeTextFileSync(`${root}/large/file`, "");
      for (let i = 0; i < 4000; i++) {
        Deno.linkSync(`${root}/large/file`, `${root}/large/file number ${i}`);
      }
      {
        using line = pagedFolders(root);
        assert(line);
        await work(line.port, root);
      }
      assertEquals(descriptorsBelow(base), []);
    },
  });
}

/** The errno of a call with any argument. */
async function errnoOfCall(
  port: PrivilegedPort,
  call: string,
  argument: unknown,
): Promise<string | undefined> {
  const work = port.ask(call as CallName, argument as never);
  return errnoOf(await assertRejects(() => work));
}

testService(
  "folders below the root are read, and closed at their end",
  async (port, root) => {
    let page: FolderPage = await port.ask("openFolder", `${root}/large`);
    const names = namesIn(page.entries);
    assertEquals(descriptorsBelow(root), ["large"]);
    while (page.folder !== null) {
      page = await port.ask("readFolder", page.folder);
      names.push(...namesIn(page.entries));
    }
    assertEquals(new Set(names).size, 4001);
    assertEquals(names.length, 4001);
    assertEquals(descriptorsBelow(root), []);
    const small = await port.ask("openFolder", root);
    assertEquals([small.folder, namesIn(small.entries)], [null, ["large"]]);
  },
);

testService(
  "nothing else is opened, whatever is asked for",
  async (port, root) => {
    Deno.symlinkSync("../root-2", `${root}/link`);
    Deno.symlinkSync("large", `${root}/inside`);
    Deno.writeTextFileSync(`${root}/file`, "");
    const cases: [unknown, string][] = [
      ["/", "EACCES"],
      ["/etc", "EACCES"],
      [`${root}-2`, "EACCES"],
      [`${root}/..`, "EACCES"],
      [`${root}/../root-2`, "EACCES"],
      [`${root}/link/inner`, "EACCES"],
      [`${root}/link`, "ENOTDIR"],
      [`${root}/inside`, "ENOTDIR"],
      [`${root}/file`, "ENOTDIR"],
      [`${root}/nothing`, "ENOENT"],
      [`${root}/large\0/etc`, "EACCES"],
      ["large", "EACCES"],
      ["", "EACCES"],
      [7, "EACCES"],
      [null, "EACCES"],
      [{ path: root }, "EACCES"],
    ];
    for (const [path, errno] of cases) {
      const what = JSON.stringify(path);
      assertEquals(await errnoOfCall(port, "openFolder", path), errno, what);
    }
    for (const folder of [0, 1, -1, "0", null, undefined, {}]) {
      assertEquals(await errnoOfCall(port, "readFolder", folder), "EBADF");
      await port.ask("closeFolder", folder as number);
    }
    for (const call of ["", "constructor", "toString", "close"]) {
      assertEquals(await errnoOfCall(port, call, root), "ENOSYS");
    }
  },
);

Deno.test({
  name: "what is no question is not answered, and ends nothing",
  ignore,
  async fn() {
    using folder = tempFolder();
    const root = Deno.realPathSync(folder.path);
    const { port1, port2 } = new MessageChannel();
    using service = startPrivilegedService(port1, root, Libc.load());
    if (!service) return port1.close();
    const answered = Promise.withResolvers<Answer>();
    port2.onmessage = ({ data }) => answered.resolve(data);
    for (const question of [null, undefined, 7, "syncDisk"]) {
      port2.postMessage(question);
    }
    port2.postMessage({ id: 1, call: "nothing", argument: null });
    const answer = await within("an answer", answered.promise);
    assertEquals(answer, { id: 1, errno: "ENOSYS" });
    port2.close();
  },
});

testService("only so many folders are open at a time", async (port, root) => {
  const open: number[] = [];
  for (let i = 0; i < MAX_OPEN_FOLDERS; i++) {
    const { folder } = await port.ask("openFolder", `${root}/large`);
    open.push(folder!);
  }
  const another = () => port.ask("openFolder", `${root}/large`);
  assertEquals(errnoOf(await assertRejects(another)), "EMFILE");
  assertEquals(descriptorsBelow(root).length, MAX_OPEN_FOLDERS);
  await port.ask("closeFolder", open[3]!);
  // A second time does not close what another one has got meanwhile.
  const { folder } = await another();
  await port.ask("closeFolder", open[3]!);
  await port.ask("readFolder", folder!);
  assertEquals(descriptorsBelow(root).length, MAX_OPEN_FOLDERS);
});

testService("what is open is closed with the service", async (port, root) => {
  await port.ask("openFolder", `${root}/large`);
  assertEquals(descriptorsBelow(root), ["large"]);
});
