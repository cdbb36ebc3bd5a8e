/** `netdisk admin users`: who has an account. */

import type { Quota } from "../quota_limits.ts";
import {
  type AdminInvocation,
  type Desk,
  jsonTime,
  ROOT_OPTION,
} from "./command.ts";
import { openRoot } from "./open_root.ts";
import { tableLines } from "./table.ts";

const TITLES = ["NAME", "CREATED", "LAST USED", " SESSIONS", " QUOTA"];

export function users(desk: Desk) {
  return {
    name: "admin users",
    summary: "list the accounts",
    usage: ["admin users"],
    examples: [{ command: "netdisk admin users" }],
    description:
      "Lists all accounts: when each was made, when one of its sessions was last used, how many sessions it has, and its quota.",
    options: [ROOT_OPTION],
    args: [],
    exitStatus: "0; 1 when the accounts cannot be read, 3 when DIR has none.",
    standalone: true,
    run({ options, output }: AdminInvocation<object>): void {
      using opened = openRoot(options.root);
      const found = opened.accounts.users();
      for (const { created, lastUsed, ...rest } of found) {
        output.record("user", {
          ...rest,
          created: jsonTime(created),
          lastUsed: jsonTime(lastUsed),
        });
      }
      if (found.length === 0) return output.notice("there are no accounts yet");
      const rows = found.map(({ name, created, lastUsed, sessions, quota }) => [
        desk.displayText(name),
        desk.localTime(created),
        lastUsed === null ? "-" : desk.localTime(lastUsed),
        `${sessions}`,
        quotaText(quota, desk),
      ]);
      for (const line of tableLines(TITLES, rows)) output.print(line);
    },
  } as const;
}

/** `10.0 GiB`, `none` or `default` */
export function quotaText(quota: Quota, { formatBytes }: Desk): string {
  return typeof quota === "number" ? formatBytes(quota) : quota;
}
