import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import {
  checkFormer,
  renderDocument,
  type Report,
  verdictsOf,
} from "../../scripts/bench/document.ts";
import {
  isComplete,
  parseOptions,
  parseSize,
  PLACES,
  sizeName,
  UsageError,
  WORKS,
} from "../../scripts/bench/options.ts";
import {
  judge,
  makeRows,
  median,
  renderTable,
  type Row,
  timesTable,
} from "../../scripts/bench/report.ts";
import { digestFolder } from "../../scripts/bench/samples.ts";
import { takeTurns } from "../../scripts/bench/turns.ts";
import { ROOT } from "../../scripts/build.ts";
import { runScript, TempTree } from "./helpers.ts";

const SCRIPT = join(ROOT, "scripts", "bench.ts");

const DEFAULTS = {
  only: [...WORKS],
  on: [...PLACES],
  rounds: 5,
  size: 2 ** 30,
  files: 5000,
  tree: 20_000,
  clients: 64,
  listed: 100_000,
  json: false,
  help: false,
};

const REPORT: Report = {
  date: "2026-01-02",
  machine: {
    cpu: "a CPU",
    cores: 2,
    memoryBytes: 8e9,
    kernel: "linux 6",
    load: 0.5,
  },
  versions: ["netdisk 1", "OpenSSH_9"],
  fileSystems: [
    { name: "disk", type: "ext4", options: "rw,discard", freeBytes: 1e9 },
  ],
  rounds: 3,
  skipped: ["rsync skipped: not installed"],
  sections: [{
    title: "Speed",
    notes: ["as it was"],
    table: { columns: ["work", ">time"], rows: [["put", "1 s"]] },
    verdicts: [{
      ...{ work: "put", where: "ext4", bar: "at least 1.0 x", measured: "2 x" },
      met: true,
    }],
  }],
};

/** Rows of a put of 10 MB. */
function rowsOf(times: Record<string, number[]>): Row[] {
  const all = Object.entries(times).map(([name, seconds]) => ({
    ...{ name, seconds },
  }));
  return makeRows("put 10 MB", all, { value: 10, unit: "MB/s" });
}

Deno.test("parseOptions() has defaults and takes every option", () => {
  assertEquals(parseOptions([]), DEFAULTS);
  const all = [
    ...["--only", "ls,put-big", "--on=disk", "--rounds=7", "--size", "2MiB"],
    ...["--files", "9", "--tree", "8", "--clients", "7", "--listed", "6"],
    ...["--disk", "x", "--tmpfs", "y", "--output", "z", "--json", "-h"],
  ];
  assertEquals(parseOptions(all), {
    ...{ only: ["put-big", "ls"], on: ["disk"], rounds: 7, size: 2 ** 21 },
    ...{ files: 9, tree: 8, clients: 7, listed: 6, disk: "x", tmpfs: "y" },
    ...{ output: "z", json: true, help: true },
  });
  assertEquals(parseOptions(["--full"]).listed, 1_000_000);
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
      ["--clients", "257"],
      ["--size", "17GiB"],
      ["--size", "1GB"],
      ["--size", "-1"],
      ["--disk", ""],
      ["--only", "put"],
      ["--only", ""],
      ["--on", "tmpfs,nfs"],
    ]
  ) assertThrows(() => parseOptions(args), UsageError);
});

Deno.test("isComplete() is all works at no less than full size", () => {
  assert(isComplete(parseOptions(["--full", "--rounds", "9"])));
  for (const less of ["--only=ls", "--on=disk", "--rounds=4", "--files=4999"]) {
    assertEquals([less, isComplete(parseOptions([less]))], [less, false]);
  }
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

Deno.test("takeTurns() begins with another one each time, and drops the first round", async () => {
  const order: string[] = [];
  const players = ["a", "b", "c"].map((name) => ({
    name,
    play: () => Promise.resolve(order.push(name)),
  }));
  const told: number[] = [];
  const onRound = (round: number) => told.push(round);
  const series = await takeTurns(players, { rounds: 2, onRound });
  assertEquals(order.join(""), "abcbcacab");
  assertEquals(series.map(({ seconds }) => seconds), [[6, 8], [4, 9], [5, 7]]);
  assertEquals(told, [0, 1, 2]);
  order.length = 0;
  await takeTurns(players, { rounds: 1, repeat: 2, cold: true });
  assertEquals(order.join(""), "bcacab");
});

Deno.test("judge() compares medians with one peer or the best of several", () => {
  const rows = rowsOf({ netdisk: [4, 9, 1], scp: [3, 3, 3], rclone: [8, 8] });
  assertEquals(rows.map(({ ratio }) => ratio), [undefined, 0.75, 2]);
  assertEquals(rows[0]?.rate, { value: 2.5, unit: "MB/s" });
  assertEquals(judge({ peers: ["rclone"], atLeast: 2 }, rows), {
    bar: "at least 2.0 x as fast as rclone",
    measured: "2.00 x",
    met: true,
  });
  assertEquals(judge({ peers: ["rclone", "scp", "nc"], atLeast: 1 }, rows), {
    bar: "at least 1.0 x as fast as the best of the peers",
    measured: "0.75 x (scp)",
    met: false,
  });
  assertEquals(judge({ peers: ["scp"], atLeast: 2, asTime: true }, rows), {
    bar: "at most 0.5 x the time of scp",
    measured: "1.33 x",
    met: false,
  });
});

Deno.test("judge() leaves a bar open where netdisk or its peer is missing", () => {
  const bar = { peers: ["scp"], atLeast: 1 };
  for (const rows of [rowsOf({ netdisk: [1] }), rowsOf({ scp: [1] })]) {
    const { met, measured } = judge(bar, rows);
    assertEquals([met, measured], [undefined, "not measured"]);
  }
});

Deno.test("timesTable() and renderTable() have a row for each tool", () => {
  const rows = rowsOf({ netdisk: [0.02, 0.01, 0.03], scp: [3, 2, 4] });
  const lines = renderTable(timesTable(rows)).split("\n");
  assertEquals(lines.slice(1), [
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    "| put 10 MB | netdisk | 20.0 ms | 10.0 ms to 30.0 ms | 3 | 500 MB/s |  |",
    "| put 10 MB | scp | 3.00 s | 2.00 s to 4.00 s | 3 | 3.33 MB/s | 150.00 x as fast |",
  ]);
});

Deno.test("renderDocument() names the circumstances and every bar", () => {
  const text = renderDocument(REPORT);
  for (
    const part of [
      "- 2026-01-02, a CPU, 2 cores, 8 GB of memory, linux 6, load 0.50",
      "- netdisk 1; OpenSSH_9",
      "- disk: ext4 (rw,discard), 1 GB free",
      "- rsync skipped: not installed",
      "| put | ext4 | at least 1.0 x | 2 x | met |",
      "## Speed\n\n| work | time |\n| --- | ---: |\n| put | 1 s |\n\n- as it was",
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("renderDocument() keeps what was written by hand, and nothing else", () => {
  const first = renderDocument(REPORT);
  const edited = first.replace("Nothing is written here yet.", "It was slow.");
  assert(edited !== first);
  const sections = [{ ...REPORT.sections[0]!, title: "Later" }];
  const second = renderDocument({ ...REPORT, sections }, edited);
  assertEquals(second, edited.replace("## Speed", "## Later"));
});

Deno.test("checkFormer() refuses a file whose handwriting would be lost", () => {
  const whole = renderDocument(REPORT);
  const [start, end] = [...whole.matchAll(/<!--.*-->/g)].map(([all]) => all);
  checkFormer(whole);
  checkFormer("");
  for (
    const broken of [
      "# Benchmarks\n",
      whole.replace(start!, ""),
      whole.replace(end!, ""),
      whole + start!,
      whole + end!,
    ]
  ) assertThrows(() => checkFormer(broken), Error, "once each");
});

Deno.test("digestFolder() sees names, sizes, contents and missing files", async () => {
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
  const digest = digestFolder(tree.path("a"));
  assertEquals(digestFolder(tree.path("same")), digest);
  for (const other of ["content", "name", "missing", "shifted"]) {
    const differs = digestFolder(tree.path(other)) !== digest;
    assertEquals([other, differs], [other, true]);
  }
});

Deno.test("digestFolder() sees folders below", async () => {
  await using tree = await TempTree.make({
    "a/x/1": "one",
    "same/x/1": "one",
    "other/y/1": "one",
    "flat/x1": "one",
  });
  const digest = digestFolder(tree.path("a"));
  assertEquals(digestFolder(tree.path("same")), digest);
  for (const other of ["other", "flat"]) {
    const differs = digestFolder(tree.path(other)) !== digest;
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
      ...["--on", "disk", "--disk", tree.path("work"), "--size", "100KiB"],
      ...["--only", "put-big,get-small,ls,clients,listing"],
      ...["--files", "3", "--clients", "2", "--listed", "9", "--rounds", "1"],
      ...["--output", tree.path("report.md"), "--json"],
    ],
    { PATH: tree.path("path") },
  );
  const report = JSON.parse(stdout) as Report;
  const [compared, clients, listings] = report.sections;
  const rows = compared!.data as Row[];
  assertEquals(rows.map(({ work, tool }) => `${tool}: ${work}`), [
    "netdisk: put 100 KiB",
    "netdisk: get 3 files of 4 KiB",
    "netdisk: ls of 100 names, whole process",
  ], stderr);
  assertEquals(clients!.table?.rows.map(([work]) => work), ["put", "get"]);
  assertEquals(listings!.table?.rows.map(([names]) => names), ["0", "9"]);
  const missed = verdictsOf(report).filter(({ met }) => met === false);
  assertEquals(code, missed.length > 0 ? 1 : 0, stderr);
  assertEquals(stderr.includes("failed"), false, stderr);
  assertStringIncludes(
    stderr,
    "bench: rclone skipped: not installed: rclone\n",
  );
  assertEquals([...Deno.readDirSync(tree.path("work"))].length, 1);
  const document = await Deno.readTextFile(tree.path("report.md"));
  assertStringIncludes(document, "## What was tried");
});

Deno.test("bench.ts measures over a link of its own, or says why it cannot", async () => {
  await using tree = await TempTree.make({ "work/keep": "" });
  const { code, stdout, stderr } = await runScript(SCRIPT, [
    ...["--only", "link-small", "--on", "disk", "--disk", tree.path("work")],
    ...["--files", "5", "--rounds", "1", "--json"],
  ]);
  const verdicts = verdictsOf(JSON.parse(stdout) as Report);
  if (verdicts.length === 1) {
    assertEquals([code, verdicts[0]?.met], [0, undefined], stderr);
    assertStringIncludes(verdicts[0]!.measured, "skipped: ");
  } else {
    const works = verdicts.map(({ work, where }) => `${work}: ${where}`);
    assertEquals(works, [
      "put 4 KiB: 50 ms, 1 Gbit/s",
      "get 4 KiB: 50 ms, 1 Gbit/s",
    ]);
    for (const { measured } of verdicts) assert(parseFloat(measured) > 0);
  }
  assertEquals([...Deno.readDirSync(tree.path("work"))].length, 1);
});

Deno.test("bench.ts ends with 2 after a wrong option", async () => {
  const { code, stdout, stderr } = await runScript(SCRIPT, ["--fast"]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, "bench: error: '--fast' is not understood\n");
});
