import { assertEquals, assertThrows } from "@std/assert";
import {
  checkShortName,
  parseServer,
  shortNameFault,
} from "../../client/server_names.ts";
import { NetdiskError } from "../../protocol/errors.ts";

const SERVERS = [
  { address: "disk.example:7000", name: "home" },
  { address: "[::1]:6375", name: "six" },
  { address: "home:6375" },
];
const FRAGMENT = `${"f".repeat(43)}.${"i".repeat(22)}`;

Deno.test("a short name has 2 to 32 letters, digits, _ and -, and is no address", () => {
  for (const name of ["ab", "home", "nas-2_x", "a".repeat(32)]) {
    checkShortName(name);
  }
  const bad = [
    "",
    "a",
    "Home",
    "2nd",
    "_a",
    "-a",
    "a.b",
    "a b",
    "a:b",
    "a/b",
    "ä1",
    "ab\n",
    "localhost",
    "a".repeat(33),
  ];
  for (const name of bad) {
    const error = assertThrows(() => checkShortName(name), NetdiskError);
    assertEquals(error.code, "usage");
    assertEquals(error.message, `'${name}': ${shortNameFault(name)}`);
  }
});

for (
  const [text, address, newName] of [
    ["home", "disk.example:7000", undefined],
    ["six", "[::1]:6375", undefined],
    // With a port it is a host.
    ["home:6375", "home:6375", undefined],
    ["netdisk://home", "home:6375", undefined],
    ["Home", "home:6375", undefined],
    ["other", "other:6375", undefined],
    ["work=other:1", "other:1", "work"],
    ["work=[::1]:2", "[::1]:2", "work"],
    ["work=home", "disk.example:7000", "work"],
    ["home=other", "other:6375", "home"],
    [`work=netdisk://other#${FRAGMENT}`, "other:6375", "work"],
  ] as const
) {
  Deno.test(`parseServer() of ${text}`, () => {
    const server = parseServer(text, SERVERS);
    assertEquals([server.address, server.newName], [address, newName]);
  });
}

Deno.test("parseServer() keeps what a link says", () => {
  const { link } = parseServer(`work=netdisk://other#${FRAGMENT}`, SERVERS);
  assertEquals(link, {
    host: "other",
    port: 6375,
    fingerprint: "f".repeat(43),
    invite: "i".repeat(22),
  });
});

Deno.test("parseServer() refuses what is none, and shows no secret", () => {
  for (
    const text of [
      "",
      "work=",
      "=other",
      "Work=other",
      "localhost=other",
      "work=a=b",
      "work=a b",
      `other#${FRAGMENT}`,
      `netdisk://other#${FRAGMENT}=x`,
      `work=netdisk://other#${FRAGMENT}=x`,
    ]
  ) {
    const error = assertThrows(() => parseServer(text, SERVERS), NetdiskError);
    assertEquals(error.code, "usage", text);
    assertEquals(error.message.includes("iii"), false, text);
  }
});
