/** Many logins with a wrong password at the same time, on a thread of their own. */

import { dial } from "../../tests/helpers/dial.ts";
import { HELLO } from "../../tests/helpers/test_client.ts";
import { NetdiskError } from "../../protocol/errors.ts";

/** What the Worker is told, once. */
export interface LoginsOrder {
  port: number;
  root: string;
  user: string;
  count: number;
}

/** How many got which answer. */
export type Answers = Record<string, number>;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<LoginsOrder>) => void;
  postMessage(message: Answers): void;
};

scope.onmessage = async ({ data: { port, root, user, count } }) => {
  const answers: Answers = {};
  await Promise.all(Array.from({ length: count }, async () => {
    const answer = await tryLogin({ port, root, isPlain: false }, user);
    answers[answer] = (answers[answer] ?? 0) + 1;
  }));
  scope.postMessage(answers);
};

async function tryLogin(
  server: { port: number; root: string; isPlain: boolean },
  user: string,
): Promise<string> {
  try {
    using peer = await dial(server);
    await peer.ask(HELLO, "hello");
    await peer.send({ type: "login", user, password: "not the password" });
    return await peer.error();
  } catch (error) {
    return error instanceof NetdiskError ? error.code : "refused";
  }
}
