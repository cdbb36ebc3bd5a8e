import { assert, assertEquals, assertMatch } from "@std/assert";
import { command as login } from "../../client/commands/login.ts";
import { command as register } from "../../client/commands/register.ts";
import { Config, savedServer } from "../../client/config.ts";
import type { FoundServer } from "../../client/discovery.ts";
import { chooseNewServer } from "../../client/offer.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { invocationOf } from "../helpers/invocation.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { TypedInput } from "../helpers/typed_input.ts";

function server(name: string, fields: Partial<FoundServer> = {}): FoundServer {
  return {
    name,
    port: 7000,
    plain: false,
    fingerprint: name[0]!.repeat(43),
    host: null,
    registration: "open",
    agent: "netdisk/0.1.0",
    hosts: ["192.0.2.1"],
    ...fields,
  };
}

const ATTIC = server("attic");
const OFFICE = server("office", { hosts: ["192.0.2.2"] });
const INVITING = server("inviting", { registration: "invite" });
const CLOSED = server("closed", { registration: "closed" });
const PLAIN = server("plain", { plain: true, fingerprint: null });
const CERTIFIED = server("signed", {
  fingerprint: null,
  host: "disk.example.org",
  hosts: ["disk.example.org"],
});

interface Situation {
  /** What is typed; null without a terminal. */
  typed?: string | null;
  found?: FoundServer[];
  isListening?: boolean;
  args?: string[];
  env?: Record<string, string>;
  purpose?: "register" | "login";
  config?: string;
}

/** What comes of it, what was shown, and whether anybody was asked. */
async function choose(situation: Situation) {
  using folder = tempFolder();
  const { typed = "", found = [], isListening = false, purpose = "register" } =
    situation;
  const command = purpose === "register" ? register : login;
  const { invocation, system } = invocationOf(
    command,
    ["anna", ...situation.args ?? []],
    {
      env: {
        NETDISK_CONFIG_DIR: situation.config ?? folder.path,
        ...situation.env,
      },
      stdin: new TypedInput(typed ? [typed] : [], typed !== null),
    },
  );
  let searches = 0;
  let probes = 0;
  const chosen = await chooseNewServer(invocation, purpose, {
    isListening: () => (probes++, Promise.resolve(isListening)),
    discover: () => (searches++, Promise.resolve(found)),
  }).catch((error) => error as NetdiskError);
  return { chosen, searches, probes, shown: system.stderr.text };
}

/** The address that comes of it. */
async function addressOf(situation: Situation): Promise<string | undefined> {
  const { chosen } = await choose(situation);
  return chosen instanceof Error ? undefined : chosen.choice.address;
}

Deno.test("a server that is named or remembered is taken without a word", async () => {
  using folder = tempFolder();
  new Config(folder.path).update((data) => {
    savedServer(data, "last.example:7");
    data.server = "last.example:7";
  });
  const cases: [Situation, string][] = [
    [{ args: ["--server", "named.example"] }, "named.example:6375"],
    [{ env: { NETDISK_SERVER: "env.example" } }, "env.example:6375"],
    [{ config: folder.path }, "last.example:7"],
  ];
  for (const [situation, address] of cases) {
    const result = await choose({ ...situation, found: [ATTIC], typed: "1\n" });
    assert(!(result.chosen instanceof Error));
    assertEquals(result.chosen.choice.address, address);
    assertEquals(result.chosen.mayRepin, true);
    assertEquals([result.searches, result.probes], [0, 0]);
    assertEquals(result.shown, "");
  }
});

Deno.test("without a terminal nobody is asked", async () => {
  const { chosen, searches, probes } = await choose({
    typed: null,
    found: [ATTIC],
  });
  assert(!(chosen instanceof Error));
  assertEquals(chosen.choice.address, "localhost:6375");
  assertEquals([searches, probes], [0, 0]);
});

Deno.test("a server on this machine comes first, and nothing is looked for", async () => {
  const { chosen, searches, shown } = await choose({
    isListening: true,
    found: [ATTIC],
  });
  assert(!(chosen instanceof Error));
  assertEquals(chosen.choice.address, "localhost:6375");
  assertEquals([searches, shown], [0, ""]);
});

Deno.test("where nothing is found it is this machine, which tells its own error", async () => {
  assertEquals(await addressOf({}), "localhost:6375");
});

Deno.test("the one that is chosen is pinned by the fingerprint that was shown", async () => {
  const { chosen, shown } = await choose({
    found: [ATTIC, OFFICE],
    typed: "2\n",
  });
  assert(!(chosen instanceof Error));
  assertEquals(chosen.choice.link, {
    host: "192.0.2.2",
    port: 7000,
    fingerprint: "o".repeat(43),
  });
  assertEquals(chosen.choice.address, "192.0.2.2:7000");
  assertEquals(chosen.mayRepin, false);
  assertMatch(
    shown,
    /\n {2}2 {2}office at 192\.0\.2\.2:7000, netdisk\/0\.1\.0\n {5}fingerprint o{43}\n/,
  );
});

Deno.test("what is no number of the list is asked again", async () => {
  const typed = "0\n3\nyes\n-1\n1.0\n2\n";
  const found = [ATTIC, OFFICE];
  const { chosen, shown } = await choose({ found, typed });
  assert(!(chosen instanceof Error));
  assertEquals(chosen.choice.address, "192.0.2.2:7000");
  assertEquals(shown.match(/\[1-2, Enter for none\]/g)?.length, 6);
});

Deno.test("Enter, and the end of input, choose none", async () => {
  for (const typed of ["\n", ""]) {
    const { chosen } = await choose({ found: [ATTIC], typed });
    assert(chosen instanceof NetdiskError);
    assertEquals([chosen.code, chosen.message], [
      "usage",
      "no server was chosen",
    ]);
  }
});

Deno.test("who needs an invite is shown and cannot be chosen, but to log in", async () => {
  const found = [CLOSED, INVITING, OFFICE];
  assertEquals(await addressOf({ found, typed: "1\n" }), "192.0.2.2:7000");
  const { chosen, shown } = await choose({
    found: [CLOSED, INVITING],
    typed: "1\n",
  });
  assert(chosen instanceof NetdiskError);
  assertEquals(chosen.code, "denied");
  assertMatch(chosen.hint!, /netdisk register USER --server 'netdisk:/);
  assertMatch(shown, / - {2}closed at .*\n +takes no registrations\n/);
  assertMatch(shown, / - {2}inviting at .*\n +registers by invite, /);
  const login: Situation = { found: [CLOSED, OFFICE], purpose: "login" };
  assertEquals(await addressOf({ ...login, typed: "1\n" }), "192.0.2.1:7000");
});

Deno.test("--plain offers servers without TLS, and nothing else does", async () => {
  const found = [ATTIC, PLAIN];
  const plain = await choose({ found, typed: "1\n", args: ["--plain"] });
  assert(!(plain.chosen instanceof Error));
  assertEquals(plain.chosen.choice.link, { host: "192.0.2.1", port: 7000 });
  assertMatch(plain.shown, /plain at .*\n +not encrypted\n/);
  assertEquals(plain.shown.includes("attic"), false);
  const { shown } = await choose({ found, typed: "1\n" });
  assertEquals(shown.includes("plain at"), false);
  assertEquals(await addressOf({ found: [PLAIN] }), "localhost:6375");
});

Deno.test("a server with a certificate goes by its name, with --cacert no other", async () => {
  const found = [ATTIC, CERTIFIED];
  const { chosen } = await choose({
    found,
    typed: "1\n",
    args: ["--cacert", "ca.pem"],
  });
  assert(!(chosen instanceof Error));
  assertEquals(chosen.choice.link, { host: "disk.example.org", port: 7000 });
});
