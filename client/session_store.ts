/** Keeps and forgets sessions: config.ts's file is where they lie. */

import type { ResponseOf } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { nameServer, type Renaming, savedServer } from "./config.ts";
import type { ServerChoice } from "./server_choice.ts";

/**
 * Remembers a new session and makes its server and account the default ones;
 * the server gets the short name that was given with it.
 *
 * @returns what this name takes away, if there is one
 * @throws ProtocolError when the server did not give what was asked for
 */
export function saveSession(
  { config, address, newName }: ServerChoice,
  user: string,
  { user: given, token, expires }: ResponseOf<"session">,
): Renaming | undefined {
  if (token === null || given !== user) {
    const fault = token === null
      ? "the server gave no session token"
      : "the server gave a session of another user";
    throw new ProtocolError("bad-message", fault);
  }
  let renamed: Renaming | undefined;
  config.update((data) => {
    const server = savedServer(data, address);
    server.sessions = server.sessions.filter((s) => s.user !== user);
    server.sessions.push({ user, token, expires });
    server.user = user;
    data.server = address;
    if (newName !== undefined) renamed = nameServer(data, server, newName);
  });
  return renamed;
}

/** Fails where no session could be kept, before the server begins one. @throws NetdiskError `local-io` */
export function checkCanSave({ config }: ServerChoice): void {
  config.update(() => {});
}

/** Forgets the session of a user on a server. */
export function forgetSession(
  { config, address }: ServerChoice,
  user: string,
): void {
  config.update((data) => {
    const server = savedServer(data, address);
    server.sessions = server.sessions.filter((s) => s.user !== user);
    // No other account takes its place: files would go where nobody meant them.
    if (server.user === user) server.user = null;
  });
}

/** What to tell of the short name that a server has got. */
export function nameNotice(
  name: string,
  address: string,
  { before, lost }: Partial<Renaming> = {},
): string {
  const until = lost === undefined ? "" : ` (${lost} until now)`;
  const past = before === undefined ? "" : `, and no longer ${before}`;
  return `${name} is ${address}${until} from now on${past}`;
}
