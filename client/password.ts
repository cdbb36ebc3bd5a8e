/**
 * The password, from wherever it comes; never from an argument, which other
 * users of the machine could see. Whether it is a good one is for
 * protocol/credentials.ts to say.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { systemReason } from "../protocol/system_reason.ts";
import type { OptionSpec } from "./command.ts";
import {
  KeyReader,
  MAX_LINE_BYTES,
  type PromptContext,
  type PromptInput,
  readLine,
} from "./prompt.ts";
import { shellWord } from "./shell_word.ts";

/** The options of the commands that need a password. */
export const PASSWORD_OPTIONS = [
  {
    name: "password-stdin",
    description: "read the password from the first line of standard input",
  },
  {
    name: "password-file",
    value: "FILE",
    names: "local",
    env: "NETDISK_PASSWORD_FILE",
    description: "read the password from the first line of a file",
  },
] as const satisfies readonly OptionSpec[];

export interface PasswordOptions {
  /** `--password-stdin` */
  stdin: boolean;
  /** `--password-file` */
  file?: string | undefined;
  /** What the terminal is asked, such as `Password for anna`, without colon. */
  prompt: string;
  /** Ask twice: a new password that nobody can see is easily mistyped. */
  confirm: boolean;
}

/** The options of the command that needs an old password and a new one. */
export const PASSWORD_CHANGE_OPTIONS = [
  {
    name: "password-stdin",
    description:
      "read the old password from the first line of standard input, the new one from the second",
  },
  {
    name: "password-file",
    value: "FILE",
    names: "local",
    env: "NETDISK_PASSWORD_FILE",
    description: "read the old password from the first line of a file",
  },
  {
    name: "new-password-file",
    value: "FILE",
    names: "local",
    description: "read the new password from the first line of a file",
  },
] as const satisfies readonly OptionSpec[];

export interface PasswordChangeOptions {
  /** `--password-stdin`, for both */
  stdin: boolean;
  /** `--password-file` */
  file?: string | undefined;
  /** `--new-password-file` */
  newFile?: string | undefined;
  /** Whose it is. */
  user: string;
}

/**
 * The password, from stdin, a file, the file in `NETDISK_PASSWORD_FILE`, or a
 * hidden prompt. Whether it is long enough is for the caller to check.
 *
 * @throws {NetdiskError} `usage` if there is none, or it is no line of UTF-8;
 * `not-found` or `local-io` for the file; `interrupted` for Ctrl-C.
 */
export async function readPassword(
  options: PasswordOptions,
  context: PromptContext,
): Promise<string> {
  const { stdin } = context;
  if (options.stdin && options.file !== undefined) {
    throw excluded("--password-file");
  }
  // On a terminal --password-stdin would show what is typed: ask properly instead.
  if (options.stdin && !stdin.isTerminal()) {
    return await readPasswordLine(stdin, "standard input");
  }
  const file = options.file ??
    (options.stdin ? undefined : context.env("NETDISK_PASSWORD_FILE"));
  if (file) return await readPasswordFile(file, context);
  if (!stdin.isTerminal()) {
    throw new NetdiskError("usage", "password: there is no terminal to ask", {
      hint: "use --password-stdin or --password-file FILE",
    });
  }
  return await askPassword(options, context, new KeyReader(stdin));
}

/**
 * The old password and the new one, each from stdin, a file or a hidden prompt;
 * see {@link readPassword}.
 *
 * @throws {NetdiskError} as readPassword()
 */
export async function readPasswordChange(
  { user, ...options }: PasswordChangeOptions,
  context: PromptContext,
): Promise<{ old: string; next: string }> {
  const { stdin, newFile } = options;
  if (stdin && options.file !== undefined) throw excluded("--password-file");
  if (stdin && newFile !== undefined) throw excluded("--new-password-file");
  const isTerminal = context.stdin.isTerminal();
  if (stdin && !isTerminal) {
    const old = await readPasswordLine(context.stdin, "standard input");
    const next = await readPasswordLine(
      context.stdin,
      "the second line of standard input",
    );
    return { old, next };
  }
  const file = options.file ??
    (stdin ? undefined : context.env("NETDISK_PASSWORD_FILE")) ?? "";
  if (!isTerminal && (file === "" || newFile === undefined)) {
    throw new NetdiskError("usage", "password: there is no terminal to ask", {
      hint:
        "use --password-stdin, or --password-file FILE and --new-password-file FILE",
    });
  }
  // One for both questions: what was typed ahead is for the next one.
  const keys = new KeyReader(context.stdin);
  const ask = (prompt: string, confirm: boolean) =>
    askPassword({ prompt, confirm }, context, keys);
  const old = file
    ? await readPasswordFile(file, context)
    : await ask(`Password for ${user}`, false);
  const next = newFile === undefined
    ? await ask(`New password for ${user}`, true)
    : await readPasswordFile(newFile, context);
  return { old, next };
}

function excluded(option: string): NetdiskError {
  return new NetdiskError(
    "usage",
    `password: --password-stdin and ${option} exclude each other`,
  );
}

async function askPassword(
  options: Pick<PasswordOptions, "prompt" | "confirm">,
  { output }: PromptContext,
  keys: KeyReader,
): Promise<string> {
  const password = await keys.hiddenLine(`${options.prompt}: `, output);
  if (!options.confirm) return password;
  const again = await keys.hiddenLine("The same again: ", output);
  if (again !== password) {
    throw new NetdiskError("usage", "password: the two are not the same");
  }
  return password;
}

async function readPasswordFile(
  path: string,
  { output }: PromptContext,
): Promise<string> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (cause) {
    throw fileError(path, cause);
  }
  using _closed = file;
  try {
    // Not refused: containers are given their secrets so.
    if (isForOthers(file.statSync())) {
      output.notice(
        `${path}: others can read it; chmod 600 ${shellWord(path)}`,
      );
    }
    return await readPasswordLine(file, path);
  } catch (cause) {
    throw cause instanceof NetdiskError ? cause : fileError(path, cause);
  }
}

/** Of a pipe or terminal the mode says nothing, and on Windows it is made up. */
export function isForOthers(
  { isFile, mode }: Pick<Deno.FileInfo, "isFile" | "mode">,
  os: typeof Deno.build.os = Deno.build.os,
): boolean {
  return os !== "windows" && isFile && ((mode ?? 0) & 0o077) !== 0;
}

function fileError(path: string, cause: unknown): NetdiskError {
  if (cause instanceof Deno.errors.NotFound) {
    const message = `${path}: no such password file`;
    return new NetdiskError("not-found", message, { cause });
  }
  const reason = systemReason(cause);
  return new NetdiskError("local-io", `${path}: ${reason}`, { cause });
}

async function readPasswordLine(
  source: Pick<PromptInput, "read">,
  name: string,
): Promise<string> {
  const line = await readLine(source);
  if (line === undefined) throw tooLong(name);
  if (line.bytes.length === 0) throw noPassword(name);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(line.bytes);
  } catch (cause) {
    throw notText(name, cause);
  }
}

function noPassword(source: string): NetdiskError {
  return new NetdiskError("usage", `password: ${source} is empty`);
}

function tooLong(source: string): NetdiskError {
  return new NetdiskError(
    "usage",
    `password: ${source} has more than ${MAX_LINE_BYTES} bytes in its first line`,
  );
}

function notText(source: string, cause: unknown): NetdiskError {
  return new NetdiskError("usage", `password: ${source} is not UTF-8`, {
    cause,
  });
}
