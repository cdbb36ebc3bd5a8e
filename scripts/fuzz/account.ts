/** Accounts at the server under test: only a token makes thousands of logins quick. */

import type { Dialled, Peer } from "../../tests/helpers/dial.ts";
import { PASSWORD } from "../../tests/helpers/netdisk.ts";
import { HELLO } from "../../tests/helpers/test_client.ts";
import { connect } from "./conversation.ts";

export interface Account {
  user: string;
  token: string;
}

/** Makes an account. @throws Error when the server refuses */
export async function register(
  target: Dialled,
  user: string,
): Promise<Account> {
  using peer = await connect(target);
  await peer.ask(HELLO, "hello");
  const { token } = await peer.ask(
    { type: "register", user, password: PASSWORD, invite: null },
    "session",
  );
  return { user, token: token! };
}

/** Greets and authenticates; the error's code when the session has ended. */
export async function logIn(
  peer: Peer,
  { token }: Account,
): Promise<string | undefined> {
  await peer.ask(HELLO, "hello");
  await peer.send({ type: "authenticate", token });
  const answer = await peer.next();
  if (answer && "type" in answer && answer.type === "session") return undefined;
  return answer && "code" in answer ? answer.code : "the end";
}
