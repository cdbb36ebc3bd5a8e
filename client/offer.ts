/**
 * The server for somebody who names none: this machine's, if there is one, else
 * on a terminal the one that they choose of those on the local network.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress, type ServerLink } from "../protocol/link.ts";
import type { Invocation, SharedValues } from "./command.ts";
import { dialPlain } from "./dial.ts";
import { discoverServers, type FoundServer, linkTo } from "./discovery.ts";
import { displayText } from "./display_text.ts";
import { ask } from "./prompt.ts";
import {
  chooseServer,
  linkedServer,
  type ServerChoice,
} from "./server_choice.ts";

/** What the server is wanted for. */
type Purpose = "register" | "login";

/** A server, and whether its link may replace another identity that is remembered. */
export interface NewServer {
  choice: ServerChoice;
  /** See connect(): a link is an order, what anybody on the network says is not. */
  mayRepin: boolean;
}

/** What is asked about the world; a test fakes it. */
export interface Surroundings {
  /** Whether anybody listens there. */
  isListening(server: ServerLink): Promise<boolean>;
  /** The servers of the local network. */
  discover(): Promise<FoundServer[]>;
}

const NETWORK: Surroundings = {
  async isListening(server) {
    try {
      (await dialPlain(server)).close();
      return true;
    } catch (error) {
      if (error instanceof NetdiskError) return false;
      throw error;
    }
  },
  discover: () => discoverServers(),
};

/**
 * As chooseServer(), with an offer where nothing says which one is meant.
 *
 * @throws NetdiskError `denied` when there are only servers that do not let one
 * register, `usage` when none is chosen
 */
export async function chooseNewServer(
  invocation: Invocation,
  purpose: Purpose,
  { isListening, discover }: Surroundings = NETWORK,
): Promise<NewServer> {
  const choice = chooseServer(invocation, { mayName: true });
  const isOffered = choice.isDefault && invocation.stdin.isTerminal() &&
    !await isListening(choice.link);
  if (!isOffered) return { choice, mayRepin: true };
  const { options, output } = invocation;
  output.notice(
    `nobody listens on ${choice.address}, looking for servers on the network`,
  );
  const servers = (await discover()).filter((server) => fits(server, options));
  // The failure to reach this machine's says what else can be done.
  if (servers.length === 0) return { choice, mayRepin: true };
  const server = await choose(servers, purpose, invocation);
  return {
    choice: linkedServer(linkTo(server), choice.config),
    mayRepin: false,
  };
}

/** Whether a server can be what these options ask for. */
function fits(server: FoundServer, { plain, cacert }: SharedValues): boolean {
  if (plain || server.plain) return plain && server.plain;
  return cacert === undefined || server.host !== null;
}

async function choose(
  servers: readonly FoundServer[],
  purpose: Purpose,
  invocation: Invocation,
): Promise<FoundServer> {
  const refusals = servers.map((server) => refusalOf(server, purpose));
  const open = servers.filter((_, index) => refusals[index] === undefined);
  for (const [index, server] of servers.entries()) {
    const number = open.indexOf(server) + 1;
    for (const line of describe(server, number, refusals[index])) {
      invocation.output.raw(`${displayText(line)}\n`);
    }
  }
  if (open.length === 0) {
    throw new NetdiskError(
      "denied",
      "none of these servers lets you register",
      {
        hint:
          "ask for the whole link that a server printed: netdisk register USER --server 'netdisk://...'",
      },
    );
  }
  const numbers = open.length === 1 ? "1" : `1-${open.length}`;
  const question =
    `Which one has the fingerprint of the link that was printed? [${numbers}, Enter for none]`;
  for (;;) {
    const answer = await ask(question, invocation);
    if (!answer) {
      throw new NetdiskError("usage", "no server was chosen", {
        hint: `name one: netdisk ${purpose} USER --server SERVER`,
      });
    }
    const chosen = /^\d{1,3}$/.test(answer) && open[Number(answer) - 1];
    if (chosen) return chosen;
  }
}

/** Why a server would be chosen in vain. */
function refusalOf(
  { registration }: FoundServer,
  purpose: Purpose,
): string | undefined {
  if (purpose === "login" || registration === "open") return undefined;
  return registration === "closed"
    ? "takes no registrations"
    : "registers by invite, with the whole link that it printed";
}

/** Two lines about a server, a number in front if it can be chosen. */
function describe(
  { name, hosts, port, fingerprint, plain, agent }: FoundServer,
  number: number,
  refusal: string | undefined,
): string[] {
  const mark = number === 0 ? "-" : `${number}`;
  const address = formatAddress(hosts[0]!, port);
  const proof = plain
    ? "not encrypted"
    : fingerprint === null
    ? "with the certificate of an authority"
    : `fingerprint ${fingerprint}`;
  return [
    `${mark.padStart(3)}  ${name} at ${address}, ${agent}`,
    `     ${refusal ?? proof}`,
  ];
}
