import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { NetdiskError } from "../../protocol/errors.ts";
import { withConfigFile } from "../../server/serve_config.ts";
import {
  OPTIONS,
  readOptions,
  type ServeOptions,
} from "../../server/serve_options.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const NONE: ServeOptions = {
  config: undefined,
  root: undefined,
  listen: undefined,
  registration: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  minFree: undefined,
  quota: undefined,
  keepPartials: undefined,
  maxConnections: undefined,
  minRate: undefined,
  metrics: undefined,
  logFormat: undefined,
  noDiscovery: false,
  plain: false,
};

/** Writes a config file and reads it with these options of the command line. */
function configured(text: string, given: Partial<ServeOptions> = {}) {
  using folder = tempFolder();
  const config = join(folder.path, "disk.conf");
  Deno.writeTextFileSync(config, text);
  const { options, labelOf } = withConfigFile({ ...NONE, ...given, config });
  return { folder: folder.path, options, labelOf, config };
}

/** The message with which a file is refused, and what its path is in it. */
function faultOf(text: string, given: Partial<ServeOptions> = {}): string {
  let config = "";
  const error = assertThrows(() => {
    using folder = tempFolder();
    config = join(folder.path, "disk.conf");
    Deno.writeTextFileSync(config, text);
    const { options, labelOf } = withConfigFile({ ...NONE, ...given, config });
    readOptions(options, labelOf);
  }, NetdiskError);
  assertEquals([error.code, error.hint], ["usage", "netdisk help serve"]);
  assert(error.message.startsWith(`${config}:`));
  return error.message.slice(config.length + 1);
}

Deno.test("withConfigFile() changes nothing without a file", () => {
  const { options, labelOf } = withConfigFile({ ...NONE, quota: "1G" });
  assertEquals(options, { ...NONE, quota: "1G" });
  assertEquals(labelOf("quota"), "--quota");
});

Deno.test("withConfigFile() sets what the command line does not", () => {
  const text = "quota = 10G\nmin-free = 2G\nplain = yes\nlisten = :7000\n";
  const { options, labelOf, config } = configured(text, { quota: "1G" });
  assertEquals(options, {
    ...NONE,
    config,
    quota: "1G",
    minFree: "2G",
    plain: true,
    listen: ":7000",
  });
  assertEquals(
    ["quota", "min-free", "plain", "root"].map(labelOf),
    ["--quota", `${config}:2: min-free`, `${config}:3: plain`, "--root"],
  );
});

Deno.test("a flag is yes or no", () => {
  assertEquals(configured("plain = yes").options.plain, true);
  assertEquals(configured("plain = no").options.plain, false);
  assertEquals(configured("plain = no", { plain: true }).options.plain, true);
});

Deno.test("paths are relative to the folder of the file", () => {
  const text = "root = disk/a\ntls-cert = ../c.pem\ntls-key = /k.pem\n";
  const { options, folder } = configured(text);
  assertEquals(options.root, join(folder, "disk/a"));
  assertEquals(options.tlsCert, join(folder, "../c.pem"));
  assertEquals(options.tlsKey, "/k.pem");
});

for (
  const [text, fault] of [
    ["rot = x", "1: rot: there is no such setting, did you mean root?"],
    [
      "\nMin_Free = 1G",
      "2: Min_Free: there is no such setting, did you mean min-free?",
    ],
    [
      "minFree = 1G",
      "1: minFree: there is no such setting, did you mean min-free?",
    ],
    ["config = x", "1: config: there is no such setting"],
    [
      `${"k".repeat(1000)} = x`,
      `1: ${"k".repeat(40)}: there is no such setting`,
    ],
    ["help = yes", "1: help: there is no such setting"],
    ["quota = 1G\nquota = 2G", "2: quota: it is given on line 1 already"],
    ["root =", "1: root: the value is missing"],
    ["plain = true", "1: plain: 'true' is not yes or no"],
    ["plain", "1: plain: the line is not of the form key = value"],
    [
      "registration = all",
      "1: registration: 'all' is not one of invite, open, closed",
    ],
    ["listen = a b:1", "1: listen: 'a b:1' is not HOST:PORT"],
    [
      "min-free = lots",
      "1: min-free: 'lots' is no size such as 500M, 2G or 5%",
    ],
    [
      "quota = default",
      "1: quota: 'default' is no size such as 500M or 10G, and not none",
    ],
    [
      "keep-partials = 7d",
      "1: keep-partials: '7d' is no number of days from 0 to 9999",
    ],
    [
      "max-connections = 0",
      "1: max-connections: '0' is no number of connections from 1 to 9999999",
    ],
    ["min-rate = -1", "1: min-rate: '-1' is no size such as 1K, 100K or 0"],
    ["\ntls-cert = a", "2: tls-cert: it needs tls-key as well"],
    ["tls-key = a", "1: tls-key: it needs tls-cert as well"],
    [
      "tls-key = a\ntls-cert = b\nplain = yes",
      "3: plain: it excludes tls-cert",
    ],
  ] as const
) {
  Deno.test(`refused: ${JSON.stringify(text)}`, () => {
    assertEquals(faultOf(text), fault);
  });
}

Deno.test("what the command line overrides is still a known setting", () => {
  assertEquals(
    faultOf("registration = all", { registration: "open" }),
    "1: registration: 'all' is not one of invite, open, closed",
  );
});

Deno.test("a wrong option is called as on the command line, whatever is in the file", () => {
  const { options, labelOf } = configured("quota = 1G", { quota: "lots" });
  const error = assertThrows(() => readOptions(options, labelOf), NetdiskError);
  assert(error.message.startsWith("--quota: 'lots' is"));
});

Deno.test("a file that cannot be read, is too large or no text", () => {
  using folder = tempFolder();
  const config = join(folder.path, "disk.conf");
  const fault = (code = "local-io") => {
    const error = assertThrows(
      () => withConfigFile({ ...NONE, config }),
      NetdiskError,
    );
    assertEquals(error.code, code);
    return error.message;
  };
  assertEquals(
    fault(),
    `cannot read the config file '${config}': no such file`,
  );
  Deno.writeFileSync(config, new Uint8Array([0x0a, 0x72, 0xff, 0x0a]));
  assertEquals(fault("usage"), `${config}:2: the line is not text in UTF-8`);
  Deno.writeTextFileSync(config, "#".repeat(64 * 1024));
  withConfigFile({ ...NONE, config });
  Deno.writeTextFileSync(config, "#".repeat(64 * 1024 + 1));
  assertEquals(fault(), `'${config}' is too large for a config file`);
  Deno.removeSync(config);
  Deno.mkdirSync(config);
  assert(fault().startsWith(`cannot read the config file '${config}': `));
});

Deno.test("scripts/netdisk.conf shows every option, in lines that are right", () => {
  const path = new URL("../../scripts/netdisk.conf", import.meta.url);
  const settings: string[] = [];
  for (const line of Deno.readTextFileSync(path).split("\n")) {
    // "# " begins prose; what is to be uncommented has no blank there.
    if (line === "" || line.startsWith("# ")) continue;
    assert(/^#[a-z]/.test(line), line);
    settings.push(line.slice(1));
  }
  assertEquals(
    settings.map((line) => line.split(" ")[0]),
    OPTIONS.map(({ name }) => name).filter((name) => name !== "config"),
  );
  const { options, labelOf } = configured(settings.join("\n"));
  readOptions(options, labelOf);
});
