/** The server and the limit on its descriptors. */

import { assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { dial, type Peer } from "../helpers/dial.ts";
import { Disk } from "../helpers/disk.ts";

const ignore = Deno.build.os !== "linux";

/** Runs what follows with limits that `ulimit` sets. */
function limited(commands: string): { via: string[] } {
  return { via: ["bash", "-c", `${commands}; exec "$@"`, "bash"] };
}

/** Takes descriptors of which the program knows nothing. */
const HOLD = 'for i in {20..94}; do eval "exec $i</dev/null"; done';

Deno.test({
  name: "the limit of descriptors is raised as far as it may be, and told",
  ignore,
  async fn() {
    const disk = new Disk();
    await disk.start([], limited("ulimit -S -n 256; ulimit -H -n 4096"));
    const { server } = disk;
    await server.logs(/ limits descriptors=4096 connections=3212$/m);
    const limits = Deno.readTextFileSync(`/proc/${server.process.pid}/limits`);
    assertEquals(/open files\s+(\d+)/.exec(limits)?.[1], "4096");
    await disk.stop();
  },
});

Deno.test({
  name: "a server without free descriptors goes on when there are some",
  ignore,
  async fn() {
    const disk = new Disk();
    await disk.start(["--plain"], limited(`ulimit -n 128; ${HOLD}`));
    const { server } = disk;
    await server.logs(/ limits descriptors=128 connections=38$/m);
    const peers: Peer[] = [];
    for (let i = 0; i < 38; i++) peers.push(await dial(server));
    await server.logs(/ accept-failed /);
    for (const peer of peers) peer.close();
    await until("an answer", async () => {
      const { code } = await disk.client().run(["ls", "--plain"]);
      return code === 0;
    });
    await disk.stop();
  },
});
