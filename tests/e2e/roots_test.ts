/** `netdisk serve` on roots that others could change, or that no server can have: refused, and mended as it says. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Server } from "../helpers/server.ts";

const disk = sharedDisk();
const unixOnly = { ignore: Deno.build.os === "windows" };

const serve = (root: string) =>
  disk.stranger().run(["serve", "--root", root, "--listen", "127.0.0.1:0"]);

/** Does what a hint says, as its reader would. */
function follow(hint: string): void {
  const { success } = new Deno.Command("sh", { args: ["-c", hint] })
    .outputSync();
  assertEquals(success, true, hint);
}

Deno.test(
  "a root that others may write to: exit 1, and chmod mends it",
  unixOnly,
  async () => {
    const home = disk.folder("server");
    const root = `${home}/disk`;
    Deno.mkdirSync(root);
    Deno.chmodSync(root, 0o777);
    const hint = `chmod go-w '${root}'`;
    assertOutcome(await serve(root), {
      code: 1,
      stderr: `netdisk: error: ${root}: others may write to it\n` +
        `netdisk: hint: ${hint}\n`,
    });
    assertEquals([...Deno.readDirSync(root)], []);
    follow(hint);
    await using server = await Server.start(home, [], { root });
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test(
  "a folder above the root that others may write to: exit 1, nothing is made",
  unixOnly,
  async () => {
    const home = disk.folder("server");
    const shared = `${home}/shared`;
    Deno.mkdirSync(shared);
    Deno.chmodSync(shared, 0o777);
    const root = `${shared}/disk`;
    const hint = `chmod go-w '${shared}'`;
    assertOutcome(await serve(root), {
      code: 1,
      stderr:
        `netdisk: error: ${shared}: others may exchange what is in this folder\n` +
        `netdisk: hint: ${hint}\n`,
    });
    assertEquals([...Deno.readDirSync(shared)], []);
    follow(hint);
    await using server = await Server.start(home, [], { root });
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test(
  "a root that is a link: exit 1, and where it leads",
  unixOnly,
  async () => {
    const home = disk.folder("server");
    const real = `${Deno.realPathSync(home)}/real`;
    Deno.mkdirSync(real);
    Deno.symlinkSync("real", `${home}/link`);
    assertOutcome(await serve(`${home}/link/`), {
      code: 1,
      stderr:
        `netdisk: error: ${
          Deno.realPathSync(home)
        }/link: the root is a link\n` +
        `netdisk: hint: netdisk serve --root '${real}'\n`,
    });
    await using server = await Server.start(home, [], { root: real });
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test(
  "a .netdisk that others may look into: exit 1, and chmod mends it",
  unixOnly,
  async () => {
    const home = disk.folder("server");
    const first = await Server.start(home);
    const { root } = first;
    await first.stop();
    await first[Symbol.asyncDispose]();
    Deno.chmodSync(`${root}/.netdisk`, 0o755);
    const hint = `chmod 700 '${root}/.netdisk'`;
    assertOutcome(await serve(root), {
      code: 1,
      stderr: `netdisk: error: ${root}/.netdisk: others may look into it\n` +
        `netdisk: hint: ${hint}\n`,
    });
    follow(hint);
    await using server = await Server.start(home);
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test(
  "a root that the sandbox is kept out of: exit 2, nothing is made",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const memory = Deno.makeTempDirSync({ dir: "/dev/shm" });
    try {
      const home = disk.folder("server");
      Deno.symlinkSync(memory, `${home}/link`);
      for (const root of [`${memory}/new/disk`, memory, `${home}/link/disk`]) {
        assertOutcome(await serve(root), {
          code: 2,
          stderr:
            `netdisk: error: --root: '${root}' is below /dev, where the server's sandbox may do nothing\n` +
            "netdisk: hint: netdisk serve --root ~/netdisk-data\n",
        });
      }
      const config = `${home}/disk.conf`;
      Deno.writeTextFileSync(config, `\nroot = ${memory}/disk\n`);
      assertOutcome(await disk.stranger().run(["serve", "--config", config]), {
        code: 2,
        stderr:
          `netdisk: error: ${config}:2: root: '${memory}/disk' is below /dev, where the server's sandbox may do nothing\n` +
          "netdisk: hint: netdisk serve --root ~/netdisk-data\n",
      });
      assertEquals([...Deno.readDirSync(memory)], []);
    } finally {
      Deno.removeSync(memory, { recursive: true });
    }
  },
);
