import { assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { parseConfigFile } from "../../server/config_file.ts";

function faultOf(text: string): string {
  const error = assertThrows(
    () => parseConfigFile(text, "disk.conf"),
    NetdiskError,
  );
  assertEquals([error.code, error.hint], ["usage", "netdisk help serve"]);
  return error.message;
}

Deno.test("parseConfigFile() gives keys, values and lines", () => {
  const text = "\uFEFF# a comment\r\n" +
    "root = /srv/disk\r\n" +
    "\n" +
    "  \t# another\n" +
    "\tquota=10G   # each user\n" +
    'name = "a # b"\t# quoted\n' +
    'tls-key = "C:\\keys\\my key.pem"\n' +
    "listen = [::]:7000";
  assertEquals(parseConfigFile(new TextDecoder().decode(bytes(text)), "f"), [
    { key: "root", value: "/srv/disk", line: 2 },
    { key: "quota", value: "10G", line: 5 },
    { key: "name", value: "a # b", line: 6 },
    { key: "tls-key", value: "C:\\keys\\my key.pem", line: 7 },
    { key: "listen", value: "[::]:7000", line: 8 },
  ]);
});

for (
  const [written, value] of [
    ["a b", "a b"],
    ["a#b", "a#b"],
    ["a # b", "a"],
    ["a\t#b", "a"],
    ["  a  ", "a"],
    ['"a"', "a"],
    ['" a "', " a "],
    ["a=b", "a=b"],
    ["é ü", "é ü"],
    ["it's", "it's"],
  ] as const
) {
  Deno.test(`a value written as ${JSON.stringify(written)}`, () => {
    const line = { key: "root", value, line: 1 };
    assertEquals(parseConfigFile(`root =${written}`, "f"), [line]);
  });
}

Deno.test("a text without settings has none", () => {
  for (const text of ["", "\n", "# root = x", " \t\r\n#"]) {
    assertEquals(parseConfigFile(text, "f"), []);
  }
});

const FORM = "the line is not of the form key = value";
const QUOTES = "quotes are allowed around the whole value only";
const MISSING = "the value is missing";
const CONTROL = "there is a control character";

for (
  const [line, fault] of [
    ["root", `root: ${FORM}`],
    ["root /srv", `root: ${FORM}`],
    ["root: /srv", `root:: ${FORM}`],
    ["[server]", `[server]: ${FORM}`],
    ["= /srv", `= /srv: ${FORM}`],
    ["my root = /srv", `my: ${FORM}`],
    ['"root" = /srv', `"root": ${FORM}`],
    ["x".repeat(1000), `${"x".repeat(40)}: ${FORM}`],
    ["root =", `root: ${MISSING}`],
    ["root = # none", `root: ${MISSING}`],
    ['root = ""', `root: ${MISSING}`],
    ['root = "/srv', `root: ${QUOTES}`],
    ['root = /srv"', `root: ${QUOTES}`],
    ['root = "/srv" disk', `root: ${QUOTES}`],
    ['root = "a" "b"', `root: ${QUOTES}`],
    ['root = "a"#b', `root: ${QUOTES}`],
    ["root = /srv\x00", `root: ${CONTROL}`],
    ["root = \x1b[31m", `root: ${CONTROL}`],
    ["root = a\rquota = 1", `root: ${CONTROL}`],
  ] as const
) {
  Deno.test(`refused: ${JSON.stringify(line.slice(0, 60))}`, () => {
    const text = `# first\nquota = 1G\n${line}\n`;
    assertEquals(faultOf(text), `disk.conf:3: ${fault}`);
  });
}

Deno.test("a key twice is refused, with the first line", () => {
  assertEquals(
    faultOf("root = a\n\nroot = a\n"),
    "disk.conf:3: root: it is given on line 1 already",
  );
});

Deno.test("a long line takes no long time", () => {
  const blanks = " ".repeat(60_000);
  parseConfigFile(`root = a${blanks}b`, "f");
  faultOf(`root${blanks}x`);
  faultOf(`root = a${blanks}"`);
  faultOf(`root = "a"${blanks}x`);
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
