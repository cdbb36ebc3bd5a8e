/** `netdisk register`: makes an account and logs in. */

import { passwordFault } from "../../protocol/credentials.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand } from "../command.ts";
import { Guest } from "../guest.ts";
import { chooseNewServer } from "../offer.ts";
import { PASSWORD_OPTIONS, readPassword } from "../password.ts";
import { placeWords } from "../same_place.ts";
import { checkUserName } from "../server_choice.ts";
import { checkCanSave, nameNotice, saveSession } from "../session_store.ts";

export const command = defineCommand({
  name: "register",
  summary: "make an account and log in",
  usage: ["register USER [--server SERVER]"],
  examples: [
    { command: "netdisk register anna", note: "on the server's own machine" },
    {
      command:
        "netdisk register anna --server 'netdisk://disk.example.org:6375#FINGERPRINT.INVITE'",
      note: "from another one, with the link that the server printed",
    },
  ],
  description:
    "Makes the account USER with a folder of its own on the server, and logs in. " +
    "A user name is 1 to 32 of a-z 0-9 . _ - and starts with a letter or a digit; " +
    "a password has 8 to 1024 bytes.\n\n" +
    "Without --server it is the server that was used last, else the one on this machine; on a terminal, where there is neither, those on the local network are offered (see netdisk discover).\n\n" +
    "The password is asked for, twice; without a terminal it comes from --password-stdin or --password-file.\n\n" +
    "NAME=SERVER saves the server under a short name, as netdisk login does.",
  options: PASSWORD_OPTIONS,
  args: [{ name: "USER", names: "user" }],
  exitStatus:
    "0 when the account is made, 2 when no server was chosen, 4 when the server does not let you register, 5 when it cannot be reached, 6 when the name is taken or refused, 10 when the server is not the one that is expected.",
  async run(invocation) {
    const { options, args, output } = invocation;
    const user = args[0]!;
    checkUserName(user);
    const { choice, mayRepin } = await chooseNewServer(
      invocation,
      "register",
    );
    // First the server: nobody thinks up a password for one that is not there.
    using guest = new Guest(invocation, choice, mayRepin);
    const { registration } = await (await guest.connection()).ready();
    const invite = choice.link.invite ?? null;
    if (registration === "closed") {
      throw new NetdiskError(
        "denied",
        `${choice.address}: the server takes no registrations`,
      );
    }
    if (registration === "invite" && invite === null) {
      throw new NetdiskError(
        "denied",
        `${choice.address}: the server registers by invite only`,
        {
          hint:
            "give the whole link that the server printed: netdisk register USER --server 'netdisk://...'",
        },
      );
    }
    checkCanSave(choice);
    const password = await readPassword({
      stdin: options.passwordStdin,
      file: options.passwordFile,
      prompt: `New password for ${user}`,
      confirm: true,
    }, invocation);
    const fault = passwordFault(password);
    if (fault) throw new NetdiskError("denied", fault);
    const connection = await guest.connection();
    const session = await connection.call(
      { type: "register", user, password, invite },
      "session",
    ).catch((cause) => {
      if (!(cause instanceof NetdiskError) || cause.code !== "exists") {
        throw cause;
      }
      const place = { ...options, user: undefined, server: choice.address };
      const words = ["netdisk login", user, ...placeWords(place)].join(" ");
      const hint = `if it is yours: ${words}`;
      throw new NetdiskError("exists", cause.message, { hint, cause });
    });
    const renaming = saveSession(choice, user, session);
    output.record("account", { user, server: choice.address });
    output.notice(`registered ${user} on ${choice.address} and logged in`);
    const { newName, address } = choice;
    if (newName !== undefined) {
      output.notice(nameNotice(newName, address, renaming));
    }
  },
});
