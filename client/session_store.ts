/** Keeps and forgets sessions: config.ts's file is where they lie. */

import type { ResponseOf } from "../protocol/messages.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { savedServer } from "./config.ts";
import type { ServerChoice } from "./server_choice.ts";

/** Remembers a new session and makes its server and account the default ones. */
export function saveSession(
  { config, address }: ServerChoice,
  { user, token, expires }: ResponseOf<"session">,
): void {
  if (token === null) {
    throw new NetdiskError("protocol", "the server gave no session token");
  }
  config.update((data) => {
    const server = savedServer(data, address);
    server.sessions = server.sessions.filter((s) => s.user !== user);
    server.sessions.push({ user, token, expires });
    server.user = user;
    data.server = address;
  });
}

/** Forgets the session of a user on a server. */
export function forgetSession(
  { config, address }: ServerChoice,
  user: string,
): void {
  config.update((data) => {
    const server = savedServer(data, address);
    server.sessions = server.sessions.filter((s) => s.user !== user);
    if (server.user === user) server.user = server.sessions[0]?.user ?? null;
  });
}
