/** What is under way stops when its session ends, whoever ends it. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { Gate } from "../helpers/gate.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import type { Outcome, Process } from "../helpers/process.ts";

const disk = sharedDisk();

const SIZE = 64 * 1024 * 1024;

/** More than the handshake, less than the file. */
const PASSING_BYTES = 1.5 * 1024 * 1024;

const COMMANDS: Record<string, string[]> = {
  put: ["put", "folder/large"],
  "put -r": ["put", "-r", "folder"],
  get: ["get", "there/large"],
  "get -r": ["get", "-r", "there"],
  sync: ["sync", "folder", "copy"],
  "sync --pull": ["sync", "--pull", "copy", "there"],
};

/** A new user with something to send and to fetch, behind a gate. */
class Scene implements AsyncDisposable {
  readonly gate: Gate = new Gate(disk.server.port);
  readonly client: Client = disk.stranger();
  readonly other: Client = disk.stranger();
  #process: Process | undefined;

  static async of(user: string): Promise<Scene> {
    const scene = new Scene();
    const { client, other, gate } = scene;
    const { address } = disk.server;
    await client.register(user, address);
    client.readdress(address, gate.address);
    const args = ["login", user, "--server", address, "--password-stdin"];
    await other.run(args, { stdin: PASSWORD });
    const there = disk.server.file(user, "there");
    Deno.mkdirSync(there);
    for (
      const path of [join(there, "large"), client.write("folder/large", "")]
    ) {
      Deno.writeTextFileSync(path, "");
      Deno.truncateSync(path, SIZE);
    }
    return scene;
  }

  /** Starts it and waits until a part of the file has passed. */
  async begin(args: readonly string[]): Promise<Process> {
    const direction = args.some((a) => a === "get" || a === "--pull")
      ? "down"
      : "up";
    this.gate.hold(direction, PASSING_BYTES);
    this.#process = this.client.start(args);
    await this.gate.holds();
    return this.#process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    await this.gate[Symbol.asyncDispose]();
  }
}

function assertOver(
  { code, stderr }: Outcome,
  user: string,
  address: string,
): void {
  assertEquals(
    [code, stderr],
    [
      4,
      `netdisk: error: the session of ${user} on ${address} has ended\n` +
      `netdisk: hint: netdisk login ${user} --server ${address}\n`,
    ],
  );
}

for (const [index, [name, args]] of Object.entries(COMMANDS).entries()) {
  Deno.test(`logout --all ends a running ${name} elsewhere: exit 4`, async () => {
    const user = `user${index}`;
    await using scene = await Scene.of(user);
    const running = await scene.begin(args);
    assertOutcome(await scene.other.run(["logout", "--all", "-q"]));
    scene.gate.open();
    assertOver(await running.outcome(), user, scene.gate.address);
    assertEquals(Deno.statSync(scene.client.path("folder/large")).size, SIZE);
    await disk.server.logs(
      new RegExp(
        ` dropped peer=\\S+ user=${user} reason="the session has ended`,
      ),
    );
  });
}

Deno.test("a session that another process ends stops what it does", async () => {
  await using scene = await Scene.of("gone");
  const running = await scene.begin(COMMANDS.put!);
  const path = join(disk.server.root, ".netdisk", "netdisk.db");
  const database = new DatabaseSync(path, { timeout: 5000 });
  database.exec("DELETE FROM users WHERE name = 'gone'");
  database.exec(
    "DELETE FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
  );
  database.close();
  // Before anything more comes through, so it was not the next request.
  await disk.server.logs(/ dropped peer=\S+ user=gone reason="the session/);
  scene.gate.open();
  assertOver(await running.outcome(), "gone", scene.gate.address);
  assertOutcome(await disk.client().run(["ls"]));
});
