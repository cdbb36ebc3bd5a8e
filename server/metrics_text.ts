/**
 * The metrics, in the text format that Prometheus reads (0.0.4). No label has a
 * user's name: that would be nobody's business, and one series more for each.
 */

import type { Outcomes, PutOutcomes } from "./counters.ts";
import type { Status } from "./status_report.ts";

/** `{result="ok"}` and its number; null is left out. */
type Sample = [labels: Record<string, string>, value: number | null];

export interface Metric {
  name: string;
  type: "counter" | "gauge";
  help: string;
  /** A number without labels, or one for each set of them. */
  value(status: Status): number | null | Sample[];
}

/** Names and units as Prometheus' conventions want them: bytes, seconds, _total. */
export const METRICS: readonly Metric[] = [
  {
    name: "netdisk_build_info",
    type: "gauge",
    help: "Always 1; the label has the version.",
    value: ({ version }) => [[{ version }, 1]],
  },
  {
    name: "netdisk_connections",
    type: "gauge",
    help: "Connections that are open, by whether they have logged in.",
    value: ({ activity }) => [
      [{ state: "logged_in" }, activity.loggedIn],
      [{ state: "stranger" }, activity.strangers],
    ],
  },
  {
    name: "netdisk_connections_limit",
    type: "gauge",
    help: "Connections that are taken at most.",
    value: ({ maxConnections }) => maxConnections,
  },
  {
    name: "netdisk_connections_accepted_total",
    type: "counter",
    help: "Connections that were taken.",
    value: ({ totals }) => totals.connectionsAccepted,
  },
  {
    name: "netdisk_connections_refused_total",
    type: "counter",
    help: "Connections that were closed at once, as there were too many.",
    value: ({ totals }) => totals.connectionsRefused,
  },
  {
    name: "netdisk_handshakes_failed_total",
    type: "counter",
    help: "Connections that ended during the TLS handshake.",
    value: ({ totals }) => totals.handshakesFailed,
  },
  {
    name: "netdisk_transfers",
    type: "gauge",
    help: "Connections that are storing or sending files.",
    value: ({ activity }) => [
      [{ direction: "put" }, activity.putting],
      [{ direction: "get" }, activity.getting],
    ],
  },
  {
    name: "netdisk_received_bytes_total",
    type: "counter",
    help: "Bytes of the protocol that came from clients, without TLS.",
    value: ({ totals }) => totals.received,
  },
  {
    name: "netdisk_sent_bytes_total",
    type: "counter",
    help: "Bytes of the protocol that went to clients, without TLS.",
    value: ({ totals }) => totals.sent,
  },
  {
    name: "netdisk_puts_total",
    type: "counter",
    help: "Uploads, by what became of them.",
    value: ({ totals }) => outcomeSamples(totals.puts),
  },
  {
    name: "netdisk_gets_total",
    type: "counter",
    help: "Downloads, by what became of them.",
    value: ({ totals }) => outcomeSamples(totals.gets),
  },
  {
    name: "netdisk_logins_total",
    type: "counter",
    help:
      "Attempts to come in: register, login (with a password), authenticate (with a session).",
    value: ({ totals }) =>
      Object.entries(totals.logins).flatMap(([kind, outcomes]) =>
        outcomeSamples(outcomes).map(([labels, value]): Sample => [
          { kind, ...labels },
          value,
        ])
      ),
  },
  {
    name: "netdisk_users",
    type: "gauge",
    help: "Accounts.",
    value: ({ users }) => users,
  },
  {
    name: "netdisk_sessions",
    type: "gauge",
    help: "Sessions that have not ended.",
    value: ({ sessions }) => sessions,
  },
  {
    name: "netdisk_live_sessions",
    type: "gauge",
    help: "Sessions that have a connection.",
    value: ({ liveSessions }) => liveSessions,
  },
  {
    name: "netdisk_disk_size_bytes",
    type: "gauge",
    help: "Size of the disk with the storage root.",
    value: ({ disk }) => disk && disk.size,
  },
  {
    name: "netdisk_disk_free_bytes",
    type: "gauge",
    help: "Bytes that are free on it, the reserve included.",
    value: ({ disk }) => disk && disk.free,
  },
  {
    name: "netdisk_disk_reserve_bytes",
    type: "gauge",
    help: "Free bytes that uploads have to leave.",
    value: ({ disk }) => disk && disk.reserve,
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of the process.",
    value: ({ process }) => process.residentBytes,
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Time of processors, of the program and of the system for it.",
    value: ({ process }) => process.cpuSeconds,
  },
  {
    name: "process_open_fds",
    type: "gauge",
    help: "Descriptors that are open (on Linux).",
    value: ({ process }) => process.openDescriptors,
  },
  {
    name: "process_max_fds",
    type: "gauge",
    help: "Descriptors that the process may have (on Linux).",
    value: ({ process }) => process.maxDescriptors,
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process started, in seconds since 1970.",
    value: ({ since }) => since / 1000,
  },
];

/** All of them as text. */
export function metricsText(status: Status): string {
  let text = "";
  for (const { name, type, help, value } of METRICS) {
    const found = value(status);
    const samples: Sample[] = Array.isArray(found) ? found : [[{}, found]];
    const lines = samples.flatMap(([labels, number]) =>
      number === null ? [] : [`${name}${formatLabels(labels)} ${number}\n`]
    );
    if (lines.length === 0) continue;
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
  }
  return text;
}

function outcomeSamples(outcomes: Outcomes | PutOutcomes): Sample[] {
  return Object.entries(outcomes).map(([result, count]): Sample => [
    { result },
    count,
  ]);
}

/** Our values are words and versions: nothing in them needs an escape. */
function formatLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${value}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
