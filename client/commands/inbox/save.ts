/** `netdisk inbox save`: takes files of parcels into the user's own, on the server. */

import { NetdiskError } from "../../../protocol/errors.ts";
import {
  joinRemotePath,
  parseRemotePath,
} from "../../../protocol/remote_path.ts";
import { defineCommand, type Invocation } from "../../command.ts";
import { type Connection, isAboutPath } from "../../connection.ts";
import { formatCount } from "../../format.ts";
import {
  aboutParcel,
  markRead,
  openParcel,
  parcelNumbers,
  requireParcels,
} from "../../parcels.ts";
import { ask } from "../../pipeline.ts";
import { type Retry, withSession } from "../../retry.ts";
import { shellWord } from "../../shell_word.ts";
import { Tally } from "../../tally.ts";

export const save = defineCommand({
  name: "inbox save",
  summary: "move files into your own folder on the server",
  usage: ["inbox save NUMBER... [--to REMOTE]"],
  examples: [
    { command: "netdisk inbox save 3" },
    {
      command: "netdisk inbox save 3 4 --to from-ben",
      note: "into a folder, which is made",
    },
  ],
  description:
    "Moves the files of parcels into the folder REMOTE, by default into your own folder itself; it is made if it is missing. " +
    "All this is done on the server. Nothing is replaced: if one of the names is taken, all files of that parcel stay in the inbox.\n\n" +
    "The message stays in the inbox until it is deleted. To download files to this machine: netdisk inbox get.",
  options: [
    {
      name: "to",
      short: "t",
      value: "REMOTE",
      names: "remote",
      description: "the folder",
    },
  ],
  args: [{ name: "NUMBER", names: "parcel", repeat: true }],
  exitStatus:
    "0 when all are saved, 3 when there is no such parcel, or no file in it, 4 when not logged in, 5 for the network, 6 when a name is taken, 8 when some of several parcels failed.",
  async run(invocation) {
    const { args, options } = invocation;
    const to = parseRemotePath(options.to ?? "");
    const job = new SaveJob(invocation, parcelNumbers("inbox save", args), to);
    await withSession(
      invocation,
      (connection, retry) => job.run(connection, retry),
    );
    job.finish();
  },
});

/** One save, over as many connections as it takes. */
class SaveJob {
  readonly #invocation: Invocation;
  readonly #to: string;
  readonly #numbers: number[];
  readonly #tally: Tally;
  /** Of the first of them, once they are known: after a lost answer they may be gone. */
  #names: string[] | undefined;
  #files = 0;

  constructor(invocation: Invocation, numbers: number[], to: string) {
    this.#invocation = invocation;
    this.#numbers = numbers;
    this.#to = to;
    const isSingle = numbers.length === 1;
    this.#tally = new Tally(invocation.output, isSingle, "saved", "parcel");
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    await requireParcels(connection);
    for (let number = this.#numbers[0]; number; number = this.#numbers[0]) {
      try {
        await this.#save(connection, number);
      } catch (error) {
        if (!isAboutPath(error)) throw error;
        this.#tally.failed(this.#withHint(number, error), { number });
      }
      this.#numbers.shift();
      this.#names = undefined;
      retry.moved();
    }
  }

  /** @throws NetdiskError when a parcel is not saved */
  finish(): void {
    this.#tally.finish();
    const files = this.#files === 1 ? "file" : "files";
    this.#invocation.output.notice(
      `${
        formatCount(this.#files)
      } ${files} saved in '/${this.#to}' on the server`,
    );
  }

  async #save(connection: Connection, number: number): Promise<void> {
    this.#names ??= (await openParcel(connection, number)).files
      .map(({ name }) => name);
    if (this.#names.length === 0) {
      throw new NetdiskError("not-found", "it has no files");
    }
    await ask(connection, { type: "save", number, to: this.#to }, "ok");
    await markRead(connection, number);
    this.#tally.succeeded();
    this.#files += this.#names.length;
    for (const name of this.#names) {
      const path = joinRemotePath(this.#to, name);
      this.#invocation.output.record("saved", { number, name: path });
    }
  }

  #withHint(number: number, error: NetdiskError): NetdiskError {
    const { code, message } = aboutParcel(number, error);
    const folder = joinRemotePath(this.#to, `parcel-${number}`);
    return new NetdiskError(code, message, {
      ...(code === "exists"
        ? { hint: `netdisk inbox save ${number} --to ${shellWord(folder)}` }
        : {}),
      cause: error,
    });
  }
}
