import { assert, assertEquals, assertMatch } from "@std/assert";
import { newCounters } from "../../server/counters.ts";
import { METRICS, metricsText } from "../../server/metrics_text.ts";
import type { Status } from "../../server/status_report.ts";

const STATUS: Status = {
  version: "1.2.3",
  pid: 7,
  since: 1_700_000_000_500,
  root: "/srv/disk",
  address: "127.0.0.1:6375",
  mode: "TLS",
  maxConnections: 10_000,
  users: 3,
  sessions: 5,
  liveSessions: 2,
  activity: {
    loggedIn: 2,
    strangers: 1,
    putting: 1,
    getting: 0,
    received: 70,
    sent: 80,
    transfers: [{ user: "secretive", direction: "put", bytes: 1, rate: 2 }],
  },
  disk: { size: 3e12, free: 2e12, reserve: 268435456 },
  totals: { ...newCounters(), received: 1e16, sent: 80 },
  process: {
    residentBytes: 1000,
    cpuSeconds: 0.25,
    openDescriptors: 50,
    maxDescriptors: 1024,
  },
};

Deno.test("the text is what the format wants: help, type, then samples", () => {
  const text = metricsText(STATUS);
  assert(text.endsWith("\n"));
  let name = "";
  const seen = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const [, word, about] = /^# (HELP|TYPE) (\S+) .+$/.exec(line) ?? [];
    if (word === "HELP") {
      name = about!;
      assert(!seen.has(name), `${name} is there twice`);
      seen.add(name);
    } else if (word === "TYPE") assertEquals(about, name);
    else {
      assertMatch(
        line,
        /^[a-z_]+(\{[a-z]+="[\w.]+"(,[a-z]+="[\w.]+")*\})? \d+(\.\d+)?(e\+\d+)?$/,
      );
      assert(line.startsWith(name), line);
    }
  }
  assertEquals(seen.size, METRICS.length);
});

Deno.test("names and units are as Prometheus' conventions want them", () => {
  for (const { name, type, help } of METRICS) {
    assertMatch(name, /^(netdisk|process)_[a-z_]+$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(help.endsWith("."), name);
  }
});

Deno.test("no user is named, and what is not known is left out", () => {
  const text = metricsText({
    ...STATUS,
    disk: null,
    process: { ...STATUS.process, openDescriptors: null, maxDescriptors: null },
  });
  assert(!metricsText(STATUS).includes("secretive"));
  assert(!text.includes("netdisk_disk_") && !text.includes("_fds"), text);
  assert(text.includes('netdisk_build_info{version="1.2.3"} 1\n'));
  assert(text.includes("process_start_time_seconds 1700000000.5\n"));
});

Deno.test("docs/service.md has all metrics, with their types, labels and help", () => {
  const page = Deno.readTextFileSync(
    new URL("../../docs/service.md", import.meta.url),
  );
  const rows = [...page.matchAll(/^\| `(\w+)` +\|(.*)\|(.*)\|(.*)\|$/gm)]
    .map((row) => row.slice(1).map((cell) => cell.trim()));
  assertEquals(
    rows,
    METRICS.map(({ name, type, help, value }) => [
      name,
      type,
      labelsOf(value(STATUS)),
      help.slice(0, -1),
    ]),
  );
});

/** `state`: logged_in, stranger */
function labelsOf(value: ReturnType<typeof METRICS[number]["value"]>): string {
  if (!Array.isArray(value)) return "";
  const labels = new Map<string, Set<string>>();
  for (const [set] of value) {
    for (const [name, text] of Object.entries(set)) {
      const values = labels.get(name) ?? new Set();
      labels.set(name, values.add(name === "version" ? "" : text));
    }
  }
  return [...labels].map(([name, values]) =>
    `${name}: ${[...values].join(", ")}`.replace(/: $/, "")
  ).join("; ");
}
