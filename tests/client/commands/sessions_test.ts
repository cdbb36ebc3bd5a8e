import { assertEquals } from "@std/assert";
import { command as sessions } from "../../../client/commands/sessions.ts";
import { localTime } from "../../../client/entry_view.ts";
import type { SessionInfo } from "../../../protocol/messages.ts";
import { play } from "../../helpers/play.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

const CREATED = Date.UTC(2026, 0, 1, 12, 0);
const USED = Date.UTC(2026, 0, 31, 12, 5);
const EXPIRES = Date.UTC(2026, 2, 2, 12, 5);

function info(fields: Partial<SessionInfo>): SessionInfo {
  return {
    created: CREATED,
    used: USED,
    expires: EXPIRES,
    agent: "netdisk/0.1.0",
    address: "192.0.2.1",
    current: false,
    ...fields,
  };
}

async function list(infos: SessionInfo[], ...argv: string[]) {
  return await play(sessions, argv, async (server) => {
    await server.request("sessions");
    await server.say({ type: "sessions", sessions: infos });
  });
}

Deno.test(
  "netdisk sessions shows a table, with a star at the own one",
  strict,
  async () => {
    const { stdout, stderr, error } = await list([
      info({ address: "2001:db8::1" }),
      info({ current: true }),
      info({ agent: "", address: "" }),
    ]);
    const times = [USED, CREATED, EXPIRES].map(localTime).join("  ");
    assertEquals([stderr, error], ["", undefined]);
    const titles = "LAST USED         CREATED           EXPIRES";
    assertEquals(
      stdout,
      `   AGENT          ADDRESS      ${titles}\n` +
        `   netdisk/0.1.0  2001:db8::1  ${times}\n` +
        `*  netdisk/0.1.0  192.0.2.1    ${times}\n` +
        `   -              -            ${times}\n`,
    );
  },
);

Deno.test(
  "netdisk sessions escapes what could drive a terminal, --json keeps it",
  strict,
  async () => {
    const hostile = info({ agent: "a\x1b[2Jb", address: "報\u202e\n" });
    const { stdout } = await list([hostile]);
    // deno-lint-ignore no-control-regex -- that is what it is about
    assertEquals(/[\x00-\x09\x0b-\x1f\u202e]/.test(stdout), false);
    assertEquals(stdout.trim().split("\n").length, 2);
    const { objects } = await list([hostile], "--json");
    assertEquals(objects(), [{
      type: "session",
      version: 1,
      user: "anna",
      current: false,
      agent: hostile.agent,
      address: hostile.address,
      created: "2026-01-01T12:00:00.000Z",
      lastUsed: "2026-01-31T12:05:00.000Z",
      expires: "2026-03-02T12:05:00.000Z",
    }]);
  },
);
