import { assertEquals } from "@std/assert";
import {
  type Interface,
  isOnNetwork,
  networksReaching,
  outsideAddresses,
} from "../../server/networks.ts";

const pure = { permissions: "none" } as const;

function network(address: string, netmask: string): Interface {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { family, address, netmask };
}

const LOOPBACK = network("127.0.0.1", "255.0.0.0");
const HOME = network("192.168.1.5", "255.255.255.0");
const OFFICE = network("10.8.0.2", "255.255.240.0");
const SIX = network("fd00::2", "ffff:ffff:ffff:ffff::");
const ALL = [
  LOOPBACK,
  network("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
  SIX,
  network("fe80::1", "ffff:ffff:ffff:ffff::"),
  HOME,
  OFFICE,
  network("169.254.7.7", "255.255.0.0"),
];

Deno.test("isOnNetwork() compares what the mask covers", pure, () => {
  const cases: [address: string, network: Interface, is: boolean][] = [
    ["192.168.1.5", HOME, true],
    ["192.168.1.255", HOME, true],
    ["192.168.2.5", HOME, false],
    ["10.8.15.255", OFFICE, true],
    ["10.8.16.0", OFFICE, false],
    ["127.9.9.9", LOOPBACK, true],
    ["::ffff:192.168.1.9", HOME, true],
    ["fd00::9", SIX, true],
    ["fd01::9", SIX, false],
    ["fd00::9", HOME, false],
    ["attic", HOME, false],
  ];
  for (const [address, network, is] of cases) {
    assertEquals(isOnNetwork(address, network), is, address);
  }
});

Deno.test(
  "networksReaching(): every IPv4 network, or that of the one address",
  pure,
  () => {
    const IPv4 = ALL.filter(({ family }) => family === "IPv4");
    assertEquals(networksReaching("0.0.0.0", ALL), IPv4);
    assertEquals(networksReaching("::", ALL), IPv4);
    assertEquals(networksReaching("192.168.1.5", ALL), [HOME]);
    assertEquals(networksReaching("127.0.0.1", ALL), [LOOPBACK]);
    assertEquals(networksReaching("127.0.0.2", ALL), [LOOPBACK]);
    assertEquals(networksReaching("203.0.113.1", ALL), []);
  },
);

Deno.test(
  "outsideAddresses(): where others reach the server, IPv4 first",
  pure,
  () => {
    const cases: [hostname: string, addresses: string[]][] = [
      ["0.0.0.0", ["192.168.1.5", "10.8.0.2"]],
      ["::", ["192.168.1.5", "10.8.0.2", "fd00::2"]],
      ["10.8.0.2", ["10.8.0.2"]],
      ["fd00::2", ["fd00::2"]],
      ["127.0.0.1", []],
      ["::1", []],
    ];
    for (const [hostname, addresses] of cases) {
      assertEquals(outsideAddresses(hostname, ALL), addresses, hostname);
    }
    assertEquals(outsideAddresses("0.0.0.0", [...ALL, HOME]).length, 2);
    assertEquals(outsideAddresses("0.0.0.0", [LOOPBACK]), []);
  },
);
