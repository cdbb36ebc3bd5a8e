/** `netdisk admin quota`: how much a user may store. */

import { parseQuota, type Quota } from "../quota_limits.ts";
import {
  type AdminInvocation,
  type Desk,
  ROOT_OPTION,
  usageError,
} from "./command.ts";
import { openRoot } from "./open_root.ts";
import { quotaText } from "./users.ts";

export function quota(desk: Desk) {
  return {
    name: "admin quota",
    summary: "limit what a user may store",
    usage: ["admin quota USER [SIZE|none|default]"],
    examples: [
      { command: "netdisk admin quota anna 10G" },
      { command: "netdisk admin quota anna", note: "shows it" },
    ],
    description:
      "Sets how many bytes USER may store: a SIZE such as 500M or 10G, none for no limit, or default for that of the server. " +
      "Without SIZE it is shown. What is stored already stays in any case.",
    options: [ROOT_OPTION],
    args: [{ name: "USER" }, { name: "SIZE", optional: true }],
    exitStatus:
      "0; 2 when SIZE is not one of these, 3 when there is no such user.",
    standalone: true,
    run({ options, args, output }: AdminInvocation<object>): void {
      const [user = "", size] = args;
      const wanted = size === undefined ? undefined : readQuota(size);
      using opened = openRoot(options.root);
      if (wanted !== undefined) opened.accounts.setQuota(user, wanted);
      const quota = opened.accounts.quota(user);
      output.record("quota", { user, quota });
      const text = quotaText(quota, desk);
      if (wanted === undefined) output.print(text);
      else output.notice(`${user}: the quota is now ${text}`);
    },
  } as const;
}

function readQuota(text: string): Quota {
  const quota = parseQuota(text);
  if (quota !== undefined) return quota;
  throw usageError(
    "quota",
    `'${text}' is no size such as 500M or 10G, nor 'none' or 'default'`,
  );
}
