/** A config that others can reach: refused with what mends it, before anything is sent. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { meet } from "../helpers/lying_server.ts";
import type { Client } from "../helpers/netdisk.ts";

const ISNT_ROOT = Deno.uid() !== 0;
const STRANGER = 12_345;

const file = ({ config }: Client) => join(config, "servers.json");

/** What is done to the config; and the words for it, `{}` being its folder. */
type Row = [
  name: string,
  tamper: (client: Client) => void,
  message: string,
  hint: string,
  isForRoot?: boolean,
];

const TAMPERED: Row[] = [
  [
    "a file that the group can read",
    (it) => Deno.chmodSync(file(it), 0o640),
    "{}/servers.json: others can read it",
    "chmod 600 {}/servers.json",
  ],
  [
    "a file that others can write",
    (it) => Deno.chmodSync(file(it), 0o602),
    "{}/servers.json: others can read it",
    "chmod 600 {}/servers.json",
  ],
  [
    "a folder that others can write",
    (it) => Deno.chmodSync(it.config, 0o707),
    "{}: others can change the files in it",
    "chmod 700 {}",
  ],
  [
    "a link in place of the file",
    (it) => {
      Deno.renameSync(file(it), it.path("elsewhere"));
      Deno.symlinkSync(it.path("elsewhere"), file(it));
    },
    "{}/servers.json: it is a link, and is not followed",
    'mv "$(readlink -f {}/servers.json)" {}/servers.json',
  ],
  [
    "somebody else's file",
    (it) => Deno.chownSync(file(it), STRANGER, STRANGER),
    `{}/servers.json: it belongs to somebody else (user ${STRANGER})`,
    "run netdisk as that user, or set NETDISK_CONFIG_DIR to a folder of root's",
    true,
  ],
  [
    "somebody else's folder",
    (it) => Deno.chownSync(it.config, STRANGER, STRANGER),
    `{}: it belongs to somebody else (user ${STRANGER})`,
    "run netdisk as that user, or set NETDISK_CONFIG_DIR to a folder of root's",
    true,
  ],
];

for (const [name, tamper, message, hint, isForRoot] of TAMPERED) {
  Deno.test(
    `${name} is refused before anything is sent`,
    { ignore: isForRoot === true && ISNT_ROOT },
    async () => {
      for (const argv of [["ls"], ["login", "anna", "--password-stdin"]]) {
        let config = "";
        const { code, stderr, connections } = await meet(
          argv,
          () => Promise.reject(new Error("nobody is to come")),
          {
            stdin: "correct horse\n",
            tamper: (client) => {
              ({ config } = client);
              tamper(client);
            },
          },
        );
        const expected = `netdisk: error: ${message}\nnetdisk: hint: ${hint}\n`;
        assertEquals(
          { code, stderr, connections },
          {
            code: 1,
            stderr: expected.replaceAll("{}", config),
            connections: 0,
          },
        );
      }
    },
  );
}

Deno.test("a folder whose names others can see will do, and so does a link to it", async () => {
  for (
    const tamper of [
      ({ config }: Client) => Deno.chmodSync(config, 0o755),
      ({ config, home }: Client) => {
        Deno.renameSync(config, join(home, "dotfiles"));
        Deno.symlinkSync("dotfiles", config);
      },
    ]
  ) {
    const { code, stderr } = await meet(
      ["ls"],
      async (server) => {
        await server.request("stat");
        await server.request("list");
        const entry = { name: "", kind: "folder", size: 0 } as const;
        await server.say(
          { type: "entry", entry: { ...entry, mtime: 0, executable: false } },
          { type: "entries", entries: [], more: false },
        );
      },
      { tamper },
    );
    assertEquals([code, stderr], [0, ""]);
  }
});

Deno.test("a password file that others can read is taken, and that is said", async () => {
  for (const [mode, said] of [[0o600, false], [0o644, true]] as const) {
    let password = "";
    const { code, stderr } = await meet(
      ["login", "anna", "--password-file", "it's a secret"],
      async (server) => {
        await server.request("hello");
        await server.say({
          type: "hello",
          version: 1,
          capabilities: [],
          agent: "fake/1",
          registration: "open",
        });
        ({ password } = await server.request("login"));
        await server.refuse("denied");
      },
      {
        greeting: true,
        files: { "it's a secret": "correct horse\n" },
        prepare: (it) => Deno.chmodSync(it.path("it's a secret"), mode),
      },
    );
    const notice = "netdisk: it's a secret: others can read it; " +
      "chmod 600 'it'\\''s a secret'\n";
    const error = "netdisk: error: refused: denied\n";
    assertEquals(
      [code, stderr, password],
      [4, (said ? notice : "") + error, "correct horse"],
    );
  }
});
