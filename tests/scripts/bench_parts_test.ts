import { assertEquals } from "@std/assert";
import { mountOf, parseMounts } from "../../scripts/bench/circumstances.ts";
import { tmpfsOf } from "../../scripts/bench/places.ts";
import { blockDeviceOf, parseLook } from "../../scripts/bench/quiet.ts";

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
