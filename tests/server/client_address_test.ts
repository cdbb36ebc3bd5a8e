import { assertEquals } from "@std/assert";
import {
  canonicalHost,
  hostOf,
  isLoopback,
  networkOf,
} from "../../server/client_address.ts";

const NO_IO = { permissions: "none" } as const;

Deno.test("an address has one spelling", NO_IO, () => {
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

Deno.test("the host is taken from HOST:PORT", NO_IO, () => {
  assertEquals(hostOf("192.0.2.1:5000"), "192.0.2.1");
  assertEquals(hostOf("[2001:db8::1]:5000"), "2001:db8::1");
  assertEquals(hostOf("[::ffff:192.0.2.1]:5000"), "192.0.2.1");
});

Deno.test("IPv6 counts by its /64, IPv4 by the address", NO_IO, () => {
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

Deno.test("loopback in all its spellings", NO_IO, () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(host), true, host);
  }
  for (const host of ["192.0.2.1", "::2", "::", "127.evil.example", ""]) {
    assertEquals(isLoopback(host), false, host);
  }
});
