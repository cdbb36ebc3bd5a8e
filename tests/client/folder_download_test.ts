import { assert, assertEquals, assertRejects } from "@std/assert";
import { FolderDownload } from "../../client/folder_download.ts";
import type { DownloadItem } from "../../client/incoming_file.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { talk } from "../helpers/fake_server.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

Deno.test(
  "FolderDownload fetches the first of names that are one to the disk, and tells of the others",
  async () => {
    using folder = tempFolder();
    const disk = new FakeDisk({
      "d/Sub/x": "1",
      "d/sub/y": "2",
      "d/a.jpg": "3",
      "d/A.jpg": "4",
      "d/b.jpg": "5",
    });
    disk.pageEntries = 100;
    const failures: [string, string, string | undefined][] = [];
    const items: DownloadItem[] = [];
    await talk((server) => disk.serve(server), async (connection) => {
      const download = new FolderDownload(
        {
          remotePath: "d",
          localPath: `${folder.path}/d`,
          isNamed: false,
          mtime: null,
        },
        {
          exclude: undefined,
          dryRun: false,
          replace: true,
          isOneName: () => true,
        },
        {
          failed: (path, { message, hint }) =>
            void failures.push([path, message, hint]),
          made: () => {},
          left: () => {},
        },
      );
      assertEquals(await download.list(connection, items, 1000), true);
    });
    // The fake server lists in reverse.
    assertEquals(items.map(({ remotePath }) => remotePath).sort(), [
      "d/A.jpg",
      "d/b.jpg",
      "d/sub/y",
    ]);
    const fault = "this disk takes it for the same name as";
    assertEquals(failures, [
      [
        "d/Sub",
        `d/Sub: ${fault} sub`,
        "netdisk get d/Sub --to NAME",
      ],
      [
        "d/a.jpg",
        `d/a.jpg: ${fault} A.jpg`,
        "netdisk get d/a.jpg --to NAME",
      ],
    ]);
    const made = [...Deno.readDirSync(`${folder.path}/d`)];
    assertEquals(made.map(({ name }) => name), ["sub"]);
  },
);

Deno.test("FolderDownload names each file once when the connection is lost between two pages", async () => {
  using folder = tempFolder();
  const disk = new FakeDisk({ "d/a": "1", "d/b": "2", "d/c": "3", "d/e": "4" });
  const items: DownloadItem[] = [];
  const place = {
    remotePath: "d",
    localPath: `${folder.path}/d`,
    isNamed: false,
    mtime: null,
  };
  const download = new FolderDownload(place, {
    exclude: undefined,
    dryRun: false,
    replace: true,
    isOneName: () => true,
  }, { failed: () => assert(false), made: () => {}, left: () => {} });
  await assertRejects(() =>
    talk(async (server) => {
      await server.request("list");
      const entries = ["a", "b"].map((name) => ({
        name,
        kind: "file" as const,
        size: 1,
        mtime: null,
        executable: false,
      }));
      await server.say({ type: "entries", entries, more: true });
      server.close();
    }, (connection) => download.list(connection, items, 1000)), NetdiskError);
  await talk(
    (server) => disk.serve(server),
    (connection) => download.list(connection, items, 1000),
  );
  assertEquals(items.map(({ remotePath }) => remotePath), [
    "d/a",
    "d/b",
    "d/c",
    "d/e",
  ]);
});

Deno.test("FolderDownload lists in parts", async () => {
  using folder = tempFolder();
  const given: Record<string, string> = {};
  for (let i = 0; i < 200; i++) given[`d/${i}/a`] = given[`d/${i}/b`] = "x";
  const disk = new FakeDisk(given);
  const parts: number[] = [];
  await talk((server) => disk.serve(server), async (connection) => {
    const place = {
      remotePath: "d",
      localPath: folder.path,
      isNamed: true,
      mtime: null,
    };
    const download = new FolderDownload(place, {
      exclude: undefined,
      dryRun: true,
      replace: true,
      isOneName: () => false,
    }, { failed: () => {}, made: () => {}, left: () => {} });
    for (let isDone = false; !isDone;) {
      const items: DownloadItem[] = [];
      isDone = await download.list(connection, items, 50);
      parts.push(items.length);
      // In between the connection is free.
      await connection.call({ type: "ping" }, "pong");
    }
  });
  assertEquals(parts.reduce((sum, part) => sum + part), 400);
  // The requests that are under way come as well.
  assertEquals(parts.every((part) => part <= 50 + 2 * 64), true, `${parts}`);
  assertEquals(parts.length > 2, true);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
