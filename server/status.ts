/**
 * `netdisk status`: how the server of a root is, for who has its machine. A
 * running one is asked through its socket (status_socket.ts); of one that does
 * not run the files tell something as well.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { AccountCounts } from "./account_counts.ts";
import { type Desk, jsonTime, ROOT_OPTION } from "./admin/command.ts";
import { openRoot } from "./admin/open_root.ts";
import { tableLines } from "./admin/table.ts";
import { type DiskSpace, diskSpace } from "./free_space.ts";
import type { Transfer } from "./report.ts";
import { isRootLocked } from "./root_lock.ts";
import type { Status } from "./status_report.ts";
import { askStatus } from "./status_socket.ts";
import { quote } from "./storage_root.ts";

/** What the command needs of its caller; the client's Output has it. */
interface StatusInvocation {
  options: { root: string | undefined; check: boolean };
  output: {
    print(line: string): void;
    record(type: string, fields: Record<string, unknown>): void;
  };
}

const TITLES = ["USER", "DIRECTION", " BYTES", " RATE"];

/** Fits the client's Command shape, which main.ts checks; `desk` is the client's as well. */
export function statusCommand(desk: Desk) {
  return {
    name: "status",
    summary: "show how the server is, on its machine",
    usage: ["status [--root DIR] [--check]"],
    examples: [
      { command: "netdisk status --root /srv/disk" },
      {
        command: "netdisk status --root /srv/disk --check",
        note: "fails unless a server runs there, and answers",
      },
    ],
    description:
      "Shows whether a server runs on the folder DIR, since when and where, with its users, sessions, connections, transfers, " +
      "disk, and what it has done since it started. Of a server that does not run it shows users, sessions and disk.\n\n" +
      "It is for the user who runs the server, on its machine: no password is asked for. " +
      "Transfers are shown with the user, the bytes that their connection has moved, and the rate; which files they are, only the log tells.",
    options: [
      ROOT_OPTION,
      {
        name: "check",
        description: "fail when no server runs there",
      },
    ],
    args: [],
    exitStatus:
      "0, also when no server runs there; 5 for that with --check, and when the server does not answer; 1 when DIR cannot be used, 3 when it was never served.",
    standalone: true,
    async run({ options, output }: StatusInvocation): Promise<void> {
      using opened = openRoot(options.root, "status");
      const { root, accounts } = opened;
      const status = await askStatus(root);
      if (status) {
        record(output, status);
        for (const line of runningLines(status, desk)) output.print(line);
        return;
      }
      if (await isRootLocked(root)) {
        throw new NetdiskError("busy", "a server runs, but cannot be asked", {
          hint: "it may be starting or stopping, else its log tells why",
        });
      }
      const counts = accounts.counts();
      const disk = diskSpace(root, null);
      output.record("status", { running: false, root, ...counts, disk });
      output.print(`no server is running on ${desk.displayText(root)}`);
      for (const line of restingLines(counts, disk, desk)) output.print(line);
      if (!options.check) return;
      throw new NetdiskError("unreachable", "no server is running", {
        hint: `netdisk serve --root ${quote(root)}`,
      });
    },
  } as const;
}

/** One object for the server, and one for each transfer. */
function record(output: StatusInvocation["output"], status: Status): void {
  // The object's own `version` is that of its format.
  const { version: netdisk, since, activity, maxConnections, ...others } =
    status;
  const { address: listen, process, ...rest } = others;
  const { cpuSeconds, ...memory } = process;
  const { loggedIn, strangers, putting, getting, transfers } = activity;
  output.record("status", {
    running: true,
    netdisk,
    since: jsonTime(since),
    listen,
    ...rest,
    process: { ...memory, cpuMs: Math.round(cpuSeconds * 1000) },
    connections: { loggedIn, strangers, limit: maxConnections },
    transfers: { put: putting, get: getting },
  });
  for (const transfer of transfers) output.record("transfer", { ...transfer });
}

function runningLines(status: Status, desk: Desk): string[] {
  const { activity, totals, liveSessions } = status;
  const { puts, gets, logins } = totals;
  const open = activity.loggedIn + activity.strangers;
  const { login, register } = logins;
  const failed = login.failed + register.failed;
  const size = desk.formatBytes;
  const under = activity.putting + activity.getting;
  return [
    `netdisk ${desk.displayText(status.version)} serves ${
      desk.displayText(status.root)
    } on ${desk.displayText(status.address)} (${status.mode})`,
    row("Process", `${status.pid}, since ${desk.localTime(status.since)}`),
    row("Users", `${status.users}`),
    row("Sessions", `${status.sessions}, ${liveSessions} connected`),
    row(
      "Connections",
      `${open} of at most ${status.maxConnections}, ${activity.loggedIn} logged in`,
    ),
    ...diskLine(status.disk, desk),
    row("Traffic", `${size(totals.received)} in, ${size(totals.sent)} out`),
    row("Uploads", `${puts.ok} done, ${puts.failed + puts.interrupted} failed`),
    row("Downloads", `${gets.ok} done, ${gets.failed} failed`),
    row("Logins", `${login.ok + register.ok} done, ${failed} failed`),
    row("Transfers", `${under} now`),
    ...transferLines(activity.transfers, desk),
  ];
}

function restingLines(
  { users, sessions }: AccountCounts,
  disk: DiskSpace | null,
  desk: Desk,
): string[] {
  return [
    row("Users", `${users}`),
    row("Sessions", `${sessions}`),
    ...diskLine(disk, desk),
  ];
}

function diskLine(disk: DiskSpace | null, { formatBytes }: Desk): string[] {
  if (!disk) return [];
  const { free, size } = disk;
  return [row("Disk", `${formatBytes(free)} free of ${formatBytes(size)}`)];
}

function transferLines(transfers: Transfer[], desk: Desk): string[] {
  if (transfers.length === 0) return [];
  const rows = transfers.map(({ user, direction, bytes, rate }) => [
    desk.displayText(user),
    direction,
    desk.formatBytes(bytes),
    `${desk.formatBytes(rate)}/s`,
  ]);
  return tableLines(TITLES, rows);
}

function row(title: string, text: string): string {
  return `${title}:`.padEnd(14) + text;
}
