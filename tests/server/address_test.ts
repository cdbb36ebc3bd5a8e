import { assertEquals } from "@std/assert";
import {
  addressBytes,
  canonicalHost,
  hostOf,
  isLoopback,
  networkOf,
} from "../../server/address.ts";

const pure = { permissions: "none" } as const;

Deno.test("addressBytes() knows an address however it is written", pure, () => {
  const cases: [text: string, bytes: number[]][] = [
    ["127.0.0.1", [127, 0, 0, 1]],
    ["::ffff:192.0.2.1", [192, 0, 2, 1]],
    ["::FFFF:c000:201", [192, 0, 2, 1]],
    ["0:0:0:0:0:ffff:c000:201", [192, 0, 2, 1]],
    ["::", new Array(16).fill(0)],
    ["::1", [...new Array(15).fill(0), 1]],
    ["1::", [0, 1, ...new Array(14).fill(0)]],
    ["::192.0.2.1", [...new Array(12).fill(0), 192, 0, 2, 1]],
    ["2001:db8::ff00:42:8329", [
      ...[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0],
      ...[0, 0, 0xff, 0, 0, 0x42, 0x83, 0x29],
    ]],
    ["1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
  ];
  for (const [text, bytes] of cases) {
    assertEquals([...addressBytes(text) ?? []], bytes, text);
  }
});

Deno.test("addressBytes() takes nothing else", pure, () => {
  for (
    const text of [
      "",
      "localhost",
      "1.2.3",
      "1.2.3.256",
      ":::",
      "[::1]",
    ]
  ) {
    assertEquals(addressBytes(text), undefined, text);
  }
});

Deno.test("networkOf() is the address, or 64 bits of IPv6", pure, () => {
  assertEquals(networkOf("192.0.2.1"), "192.0.2.1");
  assertEquals(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
  const network = networkOf("2001:db8:1:2::1");
  assertEquals(networkOf("2001:db8:1:2:ffff::9"), network);
  for (const other of ["2001:db8:1:3::1", "2001:db8::1", "32.1.13.184"]) {
    assertEquals(networkOf(other) === network, false, other);
  }
  assertEquals(networkOf("somewhere"), "somewhere");
});

Deno.test("an address has one spelling", pure, () => {
  const cases: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["2001:0DB8::0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::1", "::1"],
    ["::", "::"],
    ["::192.0.2.1", "::c000:201"],
    ["", ""],
    ["not:an:address", "not:an:address"],
  ];
  for (const [host, canonical] of cases) {
    assertEquals(canonicalHost(host), canonical, host);
  }
});

Deno.test("the host is taken from HOST:PORT", pure, () => {
  assertEquals(hostOf("192.0.2.1:5000"), "192.0.2.1");
  assertEquals(hostOf("[2001:db8::1]:5000"), "2001:db8::1");
  assertEquals(hostOf("[::ffff:192.0.2.1]:5000"), "192.0.2.1");
});

Deno.test("IPv6 counts by its /64, IPv4 by the address", pure, () => {
  const cases: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8::1:0:0:0:1", "2001:db8:0:1::/64"],
    ["::1", "0:0:0:0::/64"],
  ];
  for (const [host, network] of cases) {
    assertEquals(networkOf(host), network, host);
  }
});

Deno.test("loopback in all its spellings", pure, () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(host), true, host);
  }
  for (const host of ["192.0.2.1", "::2", "::", "127.evil.example", ""]) {
    assertEquals(isLoopback(host), false, host);
  }
});
