/** `netdisk login`: starts a session, so that later commands need no password. */

import { NetdiskError } from "../../protocol/errors.ts";
import { passwordFault, WRONG_LOGIN } from "../../protocol/credentials.ts";
import type { ResponseOf } from "../../protocol/messages.ts";
import { defineCommand } from "../command.ts";
import type { Connection } from "../connection.ts";
import { unreadNotice } from "../parcels.ts";
import { Guest } from "../guest.ts";
import { chooseNewServer } from "../offer.ts";
import { PASSWORD_OPTIONS, readPassword } from "../password.ts";
import { placeWords } from "../same_place.ts";
import { checkUserName } from "../server_choice.ts";
import { checkCanSave, nameNotice, saveSession } from "../session_store.ts";

export const command = defineCommand({
  name: "login",
  summary: "log in to an account",
  usage: ["login USER [--server SERVER]"],
  examples: [
    { command: "netdisk login anna" },
    { command: "netdisk login anna --server disk.example.org" },
    {
      command: "netdisk login anna --server home=192.168.1.5",
      note: "and call it home: netdisk get home:report.pdf",
    },
  ],
  description:
    "Starts a session that later commands use; the server and the account of the last login are theirs as well. " +
    "The password itself is kept nowhere.\n\n" +
    "Without --server it is the server that was used last, else the one on this machine; on a terminal, where there is neither, those on the local network are offered (see netdisk discover).\n\n" +
    "NAME=SERVER saves the server under a short name (2 to 32 of a-z 0-9 _ -, a letter first), which then stands for it: " +
    "--server NAME, NETDISK_SERVER=NAME, and NAME:PATH for remote paths. A name that another server had is moved to this one. " +
    "'netdisk config' shows and changes what is saved.\n\n" +
    "A link with another fingerprint than the remembered one says that the server has a new identity.",
  options: PASSWORD_OPTIONS,
  args: [{ name: "USER", names: "user" }],
  exitStatus:
    "0 when logged in, 2 when no server was chosen, 4 for a wrong user name or password, 5 when the server cannot be reached, 10 when it is not the one that is expected.",
  async run(invocation) {
    const { options, args, output } = invocation;
    const user = args[0]!;
    checkUserName(user);
    const { choice, mayRepin } = await chooseNewServer(
      invocation,
      "login",
    );
    using guest = new Guest(invocation, choice, mayRepin);
    // First the server: nobody types a password for one that is not there.
    const { registration } = await (await guest.connection()).ready();
    const hint = forgotten(user, {
      mayRegister: registration === "open",
      place: placeWords({
        ...options,
        user: undefined,
        server: choice.address,
      }),
    });
    checkCanSave(choice);
    const password = await readPassword({
      stdin: options.passwordStdin,
      file: options.passwordFile,
      prompt: `Password for ${user}`,
      confirm: false,
    }, invocation);
    const connection = await guest.connection();
    const session = await logIn(connection, user, password)
      .catch((cause) => {
        const isWrong = cause instanceof NetdiskError &&
          cause.message === WRONG_LOGIN;
        throw isWrong
          ? new NetdiskError("denied", WRONG_LOGIN, { hint, cause })
          : cause;
      });
    const renaming = saveSession(choice, user, session);
    output.record("account", { user, server: choice.address });
    output.notice(`logged in to ${choice.address} as ${user}`);
    const { newName, address } = choice;
    if (newName !== undefined) {
      output.notice(nameNotice(newName, address, renaming));
    }
    try {
      const { notice } = await unreadNotice(connection);
      if (notice !== undefined) output.notice(notice);
    } catch {
      // Logged in all the same.
    }
  },
});

/** @throws NetdiskError also for what cannot be a password, without asking */
async function logIn(
  connection: Connection,
  user: string,
  password: string,
): Promise<ResponseOf<"session">> {
  if (passwordFault(password)) throw new NetdiskError("denied", WRONG_LOGIN);
  return await connection.call({ type: "login", user, password }, "session");
}

/** What to do about a wrong name or password; whether there is the account, nobody is told. */
function forgotten(
  user: string,
  { mayRegister, place }: { mayRegister: boolean; place: readonly string[] },
): string {
  const admin =
    `netdisk admin passwd ${user}, on the server's machine, sets a forgotten password anew`;
  if (!mayRegister) return admin;
  const words = ["netdisk register", user, ...place].join(" ");
  return `${words} makes an account; ${admin}`;
}
