import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import type { Series, Work } from "../../scripts/bench/measure.ts";
import {
  parseOptions,
  parseSize,
  sizeName,
  UsageError,
} from "../../scripts/bench/options.ts";
import {
  makeReport,
  median,
  renderBar,
  renderMarkdown,
  type Report,
} from "../../scripts/bench/report.ts";
import { digestFolder } from "../../scripts/bench/samples.ts";
import { ROOT } from "../../scripts/build.ts";
import { runScript, TempTree } from "./helpers.ts";

const SCRIPT = join(ROOT, "scripts", "bench.ts");

const CIRCUMSTANCES = {
  date: "2026-01-02",
  machine: {
    cpu: "a CPU",
    cores: 2,
    memoryBytes: 8e9,
    kernel: "linux 6",
    load: 0.5,
  },
  versions: ["netdisk 1", "OpenSSH_9"],
  fileSystem: { dir: "/data", type: "ext4", freeBytes: 1e9 },
  rounds: 3,
  skipped: ["rsync skipped: not installed"],
};

/** Times of a put of 10 MB with the bar of being as fast as scp. */
function seriesOf(times: Record<string, number[]>): Series[] {
  const work: Work = {
    title: "put 10 MB",
    kind: "put",
    sample: { name: "big", folder: "/big", files: ["1.bin"], digest: "" },
    repeat: 1,
    amount: { value: 10, unit: "MB/s" },
    bars: [{ peer: "scp", atLeast: 1 }],
  };
  return Object.entries(times).map(([tool, seconds]) => ({
    work,
    tool,
    seconds,
  }));
}

Deno.test("parseOptions() has defaults and takes every option", () => {
  assertEquals(parseOptions([]), {
    rounds: 5,
    size: 2 ** 30,
    files: 5000,
    json: false,
    help: false,
  });
  const all = ["--rounds=7", "--size", "2MiB", "--files", "9", "--dir", "x"];
  assertEquals(parseOptions([...all, "--json", "-h"]), {
    rounds: 7,
    size: 2 ** 21,
    files: 9,
    dir: "x",
    json: true,
    help: true,
  });
});

Deno.test("parseOptions() refuses what is unknown or out of range", () => {
  for (
    const args of [
      ["--round", "5"],
      ["here"],
      ["--rounds", "0"],
      ["--rounds", "1.5"],
      ["--rounds"],
      ["--files", "50001"],
      ["--size", "17GiB"],
      ["--size", "1GB"],
      ["--size", "-1"],
      ["--dir", ""],
    ]
  ) assertThrows(() => parseOptions(args), UsageError);
});

Deno.test("sizeName() is what parseSize() reads", () => {
  assertEquals(sizeName(2 ** 30), "1 GiB");
  assertEquals(sizeName(1536 * 1024), "1536 KiB");
  assertEquals(sizeName(1000), "1000 bytes");
  assertEquals(parseSize("1536 KiB"), 1536 * 1024);
  assertEquals(parseSize("1000"), 1000);
});

Deno.test("median() is the middle one, or between the middle two", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([10, 1, 4, 2]), 3);
});

Deno.test("makeReport() compares medians and judges the bar", () => {
  const slow = makeReport(
    CIRCUMSTANCES,
    seriesOf({ netdisk: [4, 9, 1], scp: [3, 3, 3], cp: [1, 1, 1] }),
  );
  assertEquals(slow.rows.map(({ ratio }) => ratio), [undefined, 0.75, 0.25]);
  assertEquals(slow.rows[0]?.rate, { value: 2.5, unit: "MB/s" });
  assertEquals(slow.bars.map(({ met }) => met), [false]);
  assertEquals(
    renderBar(slow.bars[0]!),
    "put 10 MB: at least 1.0 x as fast as scp: missed with 0.750 x",
  );
  const even = makeReport(CIRCUMSTANCES, seriesOf({ netdisk: [2], scp: [2] }));
  assertEquals(even.bars.map(({ met }) => met), [true]);
});

Deno.test("makeReport() leaves a bar open whose peer is missing", () => {
  const report = makeReport(CIRCUMSTANCES, seriesOf({ netdisk: [1] }));
  assertEquals(report.bars, [{ work: "put 10 MB", peer: "scp", atLeast: 1 }]);
  assertStringIncludes(renderBar(report.bars[0]!), "not measured");
});

Deno.test("renderMarkdown() names the circumstances and has a row for each tool", () => {
  const series = seriesOf({ netdisk: [0.02, 0.01, 0.03], scp: [3, 2, 4] });
  const text = renderMarkdown(makeReport(CIRCUMSTANCES, series));
  for (
    const part of [
      "- 2026-01-02, a CPU, 2 cores, 8 GB of memory, linux 6, load 0.50",
      "- netdisk 1; OpenSSH_9",
      "- ext4 with 1 GB free at /data",
      "- rsync skipped: not installed",
      "| put 10 MB | netdisk | 20.0 ms | 10.0 ms to 30.0 ms | 3 | 500 MB/s |  |",
      "| put 10 MB | scp | 3.00 s | 2.00 s to 4.00 s | 3 | 3.33 MB/s | 150.00 x as fast |",
      "- put 10 MB: at least 1.0 x as fast as scp: met with 150.000 x",
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("digestFolder() sees names, sizes, contents and missing files", async () => {
  const { signal } = new AbortController();
  await using tree = await TempTree.make({
    "a/1": "one",
    "a/2": "two",
    "same/1": "one",
    "same/2": "two",
    "content/1": "one",
    "content/2": "tvo",
    "name/1": "one",
    "name/3": "two",
    "missing/1": "one",
    "shifted/1": "onet",
    "shifted/2": "wo",
  });
  const digest = await digestFolder(tree.path("a"), signal);
  assertEquals(await digestFolder(tree.path("same"), signal), digest);
  for (const other of ["content", "name", "missing", "shifted"]) {
    const differs = await digestFolder(tree.path(other), signal) !== digest;
    assertEquals([other, differs], [other, true]);
  }
});

Deno.test("bench.ts measures, skips what is missing and leaves nothing behind", async () => {
  await using tree = await TempTree.make({
    // The server tries at its start whether it could run this.
    "path/true": "",
    "work/keep": "",
  });
  await Deno.chmod(tree.path("path/true"), 0o755);
  const { code, stdout, stderr } = await runScript(
    SCRIPT,
    [
      ...["--dir", tree.path("work"), "--size", "100KiB"],
      ...["--files", "3", "--rounds", "1", "--json"],
    ],
    { PATH: tree.path("path") },
  );
  assertEquals([code, stderr.includes("error")], [0, false], stderr);
  const report = JSON.parse(stdout) as Report;
  assertEquals(report.rows.map(({ work, tool }) => `${tool}: ${work}`), [
    "netdisk: put 100 KiB",
    "netdisk: get 100 KiB",
    "netdisk: put 3 files of 4 KiB",
    "netdisk: get 3 files of 4 KiB",
    "netdisk: ls of 100 names, whole process",
  ]);
  assertEquals(report.skipped.length, 2);
  assertStringIncludes(stderr, "bench: scp and sftp skipped: not installed:");
  assertEquals([...Deno.readDirSync(tree.path("work"))].length, 1);
});

Deno.test("bench.ts ends with 2 after a wrong option", async () => {
  const { code, stdout, stderr } = await runScript(SCRIPT, ["--fast"]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, "bench: error: '--fast' is not understood\n");
});
