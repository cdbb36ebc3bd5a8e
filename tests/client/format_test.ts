import { assert, assertEquals } from "@std/assert";
import {
  BYTES_COLUMNS,
  DURATION_COLUMNS,
  formatBytes,
  formatCount,
  formatDuration,
  formatElapsed,
  formatPortion,
  formatRate,
} from "../../client/format.ts";

const NO_IO = { permissions: "none" } as const;

Deno.test("formatBytes() gives three digits and the unit", NO_IO, () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [10_234, "9.99 KiB"],
    [10_235, "10.0 KiB"],
    [102_348, "99.9 KiB"],
    [102_399, "100 KiB"],
    [1_048_063, "1023 KiB"],
    [1_048_064, "1.00 MiB"],
    [5 * 1024 ** 3, "5.00 GiB"],
    [Number.MAX_SAFE_INTEGER, "8.00 PiB"],
    [2 ** 80, "1048576 EiB"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
});

Deno.test(
  "formatBytes() and formatPortion() never leave their columns",
  NO_IO,
  () => {
    for (let bytes = 1; bytes <= Number.MAX_SAFE_INTEGER; bytes *= 1.01) {
      const total = Math.floor(bytes);
      assert(formatBytes(total).length <= BYTES_COLUMNS, formatBytes(total));
      for (const done of [0, total / 3, total - 1, total]) {
        const portion = formatPortion(Math.floor(done), total);
        assert(portion.length <= BYTES_COLUMNS + 5, portion);
      }
    }
  },
);

Deno.test("formatPortion() takes the unit of the whole", NO_IO, () => {
  assertEquals(formatPortion(0, 0), "0/0 B");
  assertEquals(formatPortion(0, 5 * 1024 ** 3), "0.00/5.00 GiB");
  assertEquals(formatPortion(130 * 1024 ** 2, 5 * 1024 ** 3), "0.13/5.00 GiB");
  assertEquals(
    formatPortion(30.5 * 1024 ** 2, 50 * 1024 ** 2),
    "30.5/50.0 MiB",
  );
});

Deno.test("formatRate() is a size a second", NO_IO, () => {
  assertEquals(formatRate(0), "0 B/s");
  assertEquals(formatRate(1536.4), "1.50 KiB/s");
});

Deno.test("formatDuration() goes from seconds to days", NO_IO, () => {
  const cases: [number, string][] = [
    [-1, "0:00"],
    [0, "0:00"],
    [59.6, "1:00"],
    [754, "12:34"],
    [3599, "59:59"],
    [3600, "1h00m"],
    [359_940, "99h59m"],
    [360_000, "4d04h"],
    [8_640_000, "100d"],
  ];
  for (const [seconds, text] of cases) {
    assertEquals(formatDuration(seconds), text);
    assert(text.length <= DURATION_COLUMNS);
  }
});

Deno.test("formatElapsed() has tenths at first", NO_IO, () => {
  assertEquals(formatElapsed(0), "0.0s");
  assertEquals(formatElapsed(340), "0.3s");
  assertEquals(formatElapsed(9949), "9.9s");
  assertEquals(formatElapsed(9950), "0:10");
  assertEquals(formatElapsed(75_000), "1:15");
});

Deno.test("formatCount() sets thousands apart", NO_IO, () => {
  assertEquals(
    [0, 812, 1000, 20_000, 1_234_567].map(formatCount),
    ["0", "812", "1 000", "20 000", "1 234 567"],
  );
});
