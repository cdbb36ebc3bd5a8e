/** `netdisk man`: prints the man page. */

import { VERSION } from "../../protocol/version.ts";
import { type Command, defineCommand } from "../command.ts";
import { type CommandEntry, loadAll } from "../command_list.ts";
import { renderManPage } from "../man_page.ts";

/** The command, which knows all others. */
export function makeMan(commands: readonly CommandEntry[]): Command {
  return defineCommand({
    name: "man",
    summary: "print the man page",
    usage: ["man"],
    examples: [
      { command: "netdisk man | man -l -", note: "read it" },
      {
        command: "netdisk man >/usr/local/share/man/man1/netdisk.1",
        note: "install it, as root",
      },
    ],
    description:
      "Prints the man page netdisk(1): all commands with their options, exit statuses, variables and files. " +
      "The folder to install it in may have to be made first: mkdir -p /usr/local/share/man/man1.",
    options: [],
    args: [],
    exitStatus: "0.",
    standalone: true,
    async run({ output }) {
      const page = renderManPage(await loadAll(commands), VERSION);
      output.record("man", { page });
      output.print(page.trimEnd());
    },
  });
}
