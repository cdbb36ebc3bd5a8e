/** The server and the limit on its descriptors. */

import { assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { dial, type Peer } from "../helpers/dial.ts";
import { Disk } from "../helpers/disk.ts";
import { HELLO } from "../helpers/test_client.ts";

const ignore = Deno.build.os !== "linux";

/** Runs what follows with limits that `ulimit` sets. */
function limited(commands: string): { via: string[] } {
  return { via: ["sh", "-c", `${commands}; exec "$@"`, "sh"] };
}

Deno.test({
  name: "the limit of descriptors is raised as far as it may be, and told",
  ignore,
  async fn() {
    const disk = new Disk();
    await disk.start([], limited("ulimit -S -n 256; ulimit -H -n 4096"));
    const { server } = disk;
    await server.logs(/ limits descriptors=4096 connections=3244$/m);
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
    await disk.start(["--plain"], limited("ulimit -n 64"));
    const { server } = disk;
    await server.logs(/ limits descriptors=64 connections=19$/m);
    Deno.truncateSync(disk.store("large", ""), 64 * 1024 * 1024);
    const token = disk.client().token();
    const peers: Peer[] = [];
    // Each has a connection and a file.
    for (let i = 0; i < 19; i++) {
      const peer = await dial(server);
      await peer.send(HELLO, { type: "authenticate", token }, {
        ...{ type: "get", path: "large", prefix: null },
      });
      peers.push(peer);
    }
    await server.logs(/ accept-failed /);
    for (const peer of peers) peer.close();
    await until("an answer", async () => {
      const { code } = await disk.client().run(["ls", "--plain"]);
      return code === 0;
    });
    await disk.stop();
  },
});
