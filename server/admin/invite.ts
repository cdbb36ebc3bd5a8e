/** `netdisk admin invite`: the link with which somebody new can register. */

import { formatServerLink, parseServerLink } from "../../protocol/link.ts";
import { INVITE_MS } from "../invites.ts";
import { readServerLink } from "../server_link.ts";
import {
  type AdminInvocation,
  type Desk,
  jsonTime,
  ROOT_OPTION,
  usageError,
} from "./command.ts";
import { openRoot } from "./open_root.ts";

const DAY_MS = 24 * 3600_000;

/** What is to be good for longer is no invite. */
const MAX_DAYS = 365;

interface Options {
  expires: string | undefined;
  address: string | undefined;
}

export function invite(desk: Desk) {
  return {
    name: "admin invite",
    summary: "print a link with which somebody can register",
    usage: ["admin invite [--expires DAYS] [--address HOST[:PORT]]"],
    examples: [
      { command: "netdisk admin invite" },
      {
        command:
          "netdisk admin invite --expires 1 --address disk.example.org:6375",
        note: "for today, where the server is known by a name",
      },
    ],
    description:
      "Prints a new link, and nothing else, on stdout. Whoever has it can register with " +
      "netdisk register NAME --server 'LINK', as often as they like until it expires.\n\n" +
      "The address in it is the one that the server printed when it was last started; --address names another one.",
    options: [
      ROOT_OPTION,
      {
        name: "expires",
        value: "DAYS",
        description: "how long it is good (default 7)",
      },
      {
        name: "address",
        value: "HOST[:PORT]",
        description: "where the server is reached",
      },
    ],
    args: [],
    exitStatus: "0; 2 for a wrong option, 3 when DIR has no accounts.",
    standalone: true,
    run({ options, output }: AdminInvocation<Options>): void {
      const lifetimeMs = parseDays(options.expires);
      const address = parseAddress(options.address);
      using opened = openRoot(options.root);
      const server = readServerLink(opened.root);
      const { invite, expires } = opened.accounts.createInvite(lifetimeMs);
      const link = formatServerLink({ ...server, ...address, invite });
      output.record("invite", { link, expires: jsonTime(expires) });
      output.print(desk.displayText(link));
      output.notice(
        `good until ${desk.localTime(expires)}, for: ` +
          "netdisk register NAME --server 'LINK'",
      );
    },
  } as const;
}

/** Milliseconds. */
function parseDays(text: string | undefined): number {
  if (text === undefined) return INVITE_MS;
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= MAX_DAYS) return days * DAY_MS;
  throw usageError("invite", `--expires takes days, from 1 to ${MAX_DAYS}`);
}

function parseAddress(text: string | undefined) {
  if (text === undefined) return {};
  try {
    // A link has more than an address.
    if (!text.includes("/")) {
      const { host, port } = parseServerLink(text);
      return text.endsWith(`:${port}`) ? { host, port } : { host };
    }
  } catch {
    // Told below, as what it is here.
  }
  throw usageError("invite", `--address '${text}' is not HOST or HOST:PORT`);
}
