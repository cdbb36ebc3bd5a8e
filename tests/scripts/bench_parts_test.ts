import { assertEquals } from "@std/assert";
import { mountOf, parseMounts } from "../../scripts/bench/circumstances.ts";
import { judgeClients, speedsOf } from "../../scripts/bench/clients.ts";
import {
  type Finding,
  growthOf,
  judgeListings,
  lengthsUpTo,
} from "../../scripts/bench/listing.ts";
import { tmpfsOf } from "../../scripts/bench/places.ts";
import { parseStatus } from "../../scripts/bench/proc.ts";
import { blockDeviceOf, parseLook } from "../../scripts/bench/quiet.ts";
import {
  allowedSeconds,
  judgeOnLink,
} from "../../scripts/bench/link/allowance.ts";
import {
  bandwidthDelayBytes,
  DelayLine,
} from "../../scripts/bench/link/delay_line.ts";
import { lastDropped } from "../../scripts/bench/link/namespaces.ts";
import {
  VNET_HEADER_BYTES,
  wireBytes,
} from "../../scripts/bench/link/packet.ts";

const MOUNTS = parseMounts(`\
/dev/a / ext4 rw,discard 0 0
tmpfs /dev/shm tmpfs rw 0 0
tmpfs /mnt/my\\040disk tmpfs ro 0 0
tmpfs /tmp/a tmpfs rw,size=1k 0 0
/dev/b /tmp/a/b ext4 rw 0 0
tmpfs /tmp/a/b tmpfs rw 0 0
`);

Deno.test("mountOf() is the deepest mount, and the last of several", () => {
  const typeOf = (path: string) => {
    const mount = mountOf(path, MOUNTS);
    return `${mount?.point} ${mount?.type}`;
  };
  assertEquals(typeOf("/tmp"), "/ ext4");
  assertEquals(typeOf("/tmp/ab"), "/ ext4");
  assertEquals(typeOf("/tmp/a"), "/tmp/a tmpfs");
  assertEquals(typeOf("/tmp/a/b/c"), "/tmp/a/b tmpfs");
  assertEquals(typeOf("/mnt/my disk"), "/mnt/my disk tmpfs");
  assertEquals(mountOf("/tmp", []), undefined);
});

Deno.test("tmpfsOf() leaves out what is read-only or the system's", () => {
  const points = tmpfsOf(MOUNTS).map(({ point }) => point);
  assertEquals(points, ["/tmp/a/b", "/tmp/a"]);
});

Deno.test("blockDeviceOf() splits the number of a device", () => {
  assertEquals(blockDeviceOf(0xfe00), "/sys/dev/block/254:0");
  assertEquals(blockDeviceOf(0x10_0301), "/sys/dev/block/3:257");
});

Deno.test("parseLook() sees requests under way and counts discards", () => {
  const stat = "1 2 3 4 5 6 7 8 0 10 11 12 13 14 15 16 17\n";
  assertEquals(parseLook("       0        0\n", stat), {
    isIdle: true,
    discards: "12 13 14 15",
  });
  assertEquals(parseLook("0 3\n", stat).isIdle, false);
  assertEquals(parseLook("3 0\n", stat).isIdle, false);
});

Deno.test("parseStatus() reads memory, of which a zombie has none", () => {
  const text = "Name:\tx\nVmHWM:\t   200 kB\nVmRSS:\t   100 kB\n";
  assertEquals(parseStatus(text), { now: 102_400, peak: 204_800 });
  assertEquals(parseStatus("Name:\tx\n"), { now: 0, peak: 0 });
});

Deno.test("judgeClients() takes starts off, and does not judge what is as short", () => {
  const times = { "one client": 3, "all clients": 6 };
  const speeds = speedsOf(20, { ...times, "one start": 1, "all starts": 1 });
  assertEquals(speeds, { one: 10, all: 4 });
  assertEquals(judgeClients(speeds).met, false);
  assertEquals(judgeClients({ one: 10, all: 9 }).met, true);
  const short = speedsOf(20, { ...times, "one start": 3, "all starts": 7 });
  assertEquals(judgeClients(short).met, undefined);
});

Deno.test("lengthsUpTo() has powers of ten, or one short length", () => {
  assertEquals(lengthsUpTo(100_000), [1_000, 10_000, 100_000]);
  assertEquals(lengthsUpTo(7), [7]);
});

Deno.test("growthOf() forgives dear short listings, not dear long ones", () => {
  assertEquals(growthOf([8, 4, 2]), 1);
  assertEquals(growthOf([8, 2, 3]), 1.5);
  assertEquals(growthOf([5]), 1);
});

Deno.test("judgeListings() judges time, growth and both memories", () => {
  const [mib, short] = [2 ** 20, { first: 0.1, whole: 0.1, perName: 1e-6 }];
  const metOf = (long: Partial<Finding>) =>
    judgeListings([
      { length: 10, ...short, client: mib, server: mib },
      { length: 99, ...short, client: mib, server: mib, ...long },
    ], "tmpfs").map(({ met }) => met);
  assertEquals(metOf({}), [true, true, true, true]);
  assertEquals(metOf({ first: 0.3 }), [false, true, true, true]);
  assertEquals(metOf({ perName: 2e-6 }), [true, false, true, true]);
  assertEquals(metOf({ perName: 0 }), [true, undefined, true, true]);
  assertEquals(metOf({ client: 34 * mib }), [true, true, false, true]);
  assertEquals(metOf({ server: 34 * mib }), [true, true, true, false]);
});

Deno.test("the link allows bare TCP, a round trip and the start", () => {
  const allowance = { bare: 0.5, roundTrip: 0.25, start: 0.25 };
  assertEquals(allowedSeconds(allowance), 1);
  assertEquals(judgeOnLink(1.1, allowance).met, true);
  const late = judgeOnLink(1.2, allowance);
  assertEquals([late.met, late.measured], [false, "1.20 x"]);
  const shape = { bitsPerSecond: 1e9, delayMs: 25 };
  assertEquals(bandwidthDelayBytes(shape), 6_250_000);
});

Deno.test("DelayLine sends at its rate, delays, and drops what the queue cannot hold", () => {
  // 1 byte a millisecond.
  const line = new DelayLine({
    ...{ bitsPerSecond: 8000, delayMs: 25, queueBytes: 20 },
  });
  const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array([byte]));
  line.push(a!, 10, 100);
  line.push(b!, 10, 100);
  line.push(c!, 10, 105);
  assertEquals(line.dropped, 1);
  assertEquals(line.nextDue, 135);
  assertEquals(line.shift(134), undefined);
  assertEquals(line.shift(135), a);
  assertEquals([line.shift(144), line.shift(145)], [undefined, b]);
  assertEquals([line.nextDue, line.shift(999)], [undefined, undefined]);
  line.push(c!, 10, 200);
  assertEquals([line.nextDue, line.shift(235)], [235, c]);
});

Deno.test("wireBytes() charges an uncut packet with the headers of its segments", () => {
  const packet = new Uint8Array(VNET_HEADER_BYTES + 40 + 2500);
  assertEquals(wireBytes(packet), 2540);
  const header = new DataView(packet.buffer);
  header.setUint8(1, 1);
  header.setUint16(2, 40, true);
  header.setUint16(4, 1000, true);
  assertEquals(wireBytes(packet), 2540 + 2 * 40);
});

Deno.test("lastDropped() is what was said last", () => {
  assertEquals(lastDropped('{"namespaces":["a","b"]}'), 0);
  assertEquals(lastDropped('{"dropped":[1,0]}\n{"dropped":[2,3]}\nx'), 5);
});
