/** `netdisk completions`: prints what a shell needs to complete command lines. */

import { defineCommand } from "../command.ts";
import { completionScript, type Shell, SHELLS } from "../completion_scripts.ts";

export const command = defineCommand({
  name: "completions",
  summary: "print completions for bash, zsh or fish",
  usage: ["completions SHELL"],
  examples: [
    {
      command: 'eval "$(netdisk completions bash)"',
      note: "this bash",
    },
    { command: "source <(netdisk completions zsh)", note: "this zsh" },
    { command: "netdisk completions fish | source", note: "this fish" },
  ],
  description:
    "Prints a script for SHELL: bash, zsh or fish. With it the Tab key completes commands, options, their values, " +
    "files here and, where you are logged in, what is on the server: files, and parcels in the inbox.\n\n" +
    "To have it in every new shell:\n\n" +
    '  bash  add to ~/.bashrc:  eval "$(netdisk completions bash)"\n' +
    "  zsh   mkdir -p ~/.zfunc; netdisk completions zsh >~/.zfunc/_netdisk\n" +
    "        in ~/.zshrc:  fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit\n" +
    "  fish  mkdir -p ~/.config/fish/completions\n" +
    "        netdisk completions fish >~/.config/fish/completions/netdisk.fish\n\n" +
    "The script asks netdisk, so it need not be renewed with it. A server that does not answer within 1.5 seconds is left alone.",
  options: [],
  args: [{ name: "SHELL", choices: SHELLS }],
  exitStatus: "0; 2 for another shell.",
  standalone: true,
  run({ args, output }) {
    const shell = args[0] as Shell;
    const script = completionScript(shell);
    output.record("completions", { shell, script });
    output.print(script.trimEnd());
  },
});
