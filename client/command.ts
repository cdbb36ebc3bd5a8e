/**
 * The shape of a command and the options that all commands share. What a command
 * does is in commands/<name>.ts; arguments.ts parses, and help.ts explains, from
 * the same description.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Output } from "./output.ts";
import type { PromptInput } from "./prompt.ts";

/**
 * What a value is the name of. A shell completes it as such, and a `remote` one
 * may begin with the short name of its server, as in `home:report.pdf`. A `user`
 * is an account that has logged in here, a `sender` one of the server that has
 * sent something.
 */
export type Named =
  | "local"
  | "remote"
  | "server"
  | "user"
  | "parcel"
  | "sender"
  | "blocked";

/** One option, `--name` or `--name VALUE`. */
export interface OptionSpec {
  /** Without the dashes; dashes inside become camelCase in the parsed values. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What the value is called in the help, such as `FILE`; without it the option is a flag. */
  readonly value?: string;
  readonly names?: Named;
  /** The only values that are allowed. */
  readonly choices?: readonly string[];
  /** May be given several times; its value is then a list. */
  readonly repeat?: boolean;
  /** One or two lines for the help: lower case, no full stop at the end. */
  readonly description: string;
  /** The variable that stands in for the option; for the help only. */
  readonly env?: string;
}

/** One positional argument. Only the last may repeat, and none may follow an optional one. */
export interface ArgumentSpec {
  /** As in the usage line, such as `LOCAL`. */
  readonly name: string;
  readonly names?: Named;
  /** The only values that are allowed. */
  readonly choices?: readonly string[];
  readonly optional?: boolean;
  readonly repeat?: boolean;
}

/** A command line to paste, and what it does. */
export interface Example {
  readonly command: string;
  readonly note?: string;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type ValueOf<Spec extends OptionSpec> = Spec extends { repeat: true } ? string[]
  : Spec extends { choices: readonly (infer Choice)[] } ? Choice | undefined
  : Spec extends { value: string } ? string | undefined
  : boolean;

/** The values of a list of options: flags are booleans, the rest text, lists where they repeat. */
export type OptionValues<Specs extends readonly OptionSpec[]> = {
  [Spec in Specs[number] as CamelCase<Spec["name"]>]: ValueOf<Spec>;
};

/** Options of every command, allowed in front of the command word, too. */
export const COMMON_OPTIONS = [
  {
    name: "quiet",
    short: "q",
    description: "say nothing but errors",
  },
  {
    name: "verbose",
    short: "v",
    description: "say more",
  },
  {
    name: "json",
    description: "write one JSON object a line on stdout, a result object last",
  },
  {
    name: "help",
    short: "h",
    description: "show this help",
  },
  {
    name: "version",
    short: "V",
    description: "show the version",
  },
] as const satisfies readonly OptionSpec[];

/** Options of every command that talks to a server. */
export const CLIENT_OPTIONS = [
  {
    name: "server",
    value: "SERVER",
    names: "server",
    env: "NETDISK_SERVER",
    description:
      "a short name, HOST, HOST:PORT or a netdisk:// link; else the server of the last login, else localhost",
  },
  {
    name: "user",
    value: "NAME",
    names: "user",
    env: "NETDISK_USER",
    description: "the account to use, else the one of the last login",
  },
  {
    name: "accept-new",
    description: "trust a server that is met for the first time without asking",
  },
  {
    name: "cacert",
    value: "FILE",
    names: "local",
    description: "trust servers whose certificate this authority signed (PEM)",
  },
  {
    name: "plain",
    description: "do not encrypt; the server must have been started so as well",
  },
  {
    name: "retries",
    value: "N",
    description:
      "how often a lost connection is tried again in a row (default 6, 0 for never)",
  },
  {
    name: "progress",
    value: "WHEN",
    choices: ["auto", "always", "never"],
    description:
      "auto (on a terminal, the default), always (in a pipe and a log, too) or never",
  },
] as const satisfies readonly OptionSpec[];

/** Options of every command that transfers files. */
export const RATE_OPTIONS = [
  {
    name: "limit-rate",
    value: "RATE",
    description: "use at most RATE bytes a second, such as 500K or 10M",
  },
] as const satisfies readonly OptionSpec[];

export type SharedValues =
  & OptionValues<readonly [...typeof COMMON_OPTIONS, ...typeof CLIENT_OPTIONS]>
  & Partial<OptionValues<typeof RATE_OPTIONS>>;

/** What a command is given to run. `Values` are those of its own options. */
export interface Invocation<Values = unknown> {
  readonly options: Values & SharedValues;
  /** The positional arguments; as many as the command's ArgumentSpecs allow. */
  readonly args: readonly string[];
  readonly output: Output;
  readonly stdin: PromptInput;
  readonly env: (name: string) => string | undefined;
}

/** A subcommand: all that the help, the parser and the completions need, and what it does. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands: lower case, no full stop. */
  readonly summary: string;
  /** What may follow `netdisk `, such as `put LOCAL... [--to REMOTE]`; one line a form. */
  readonly usage: readonly string[];
  readonly examples: readonly Example[];
  /** Paragraphs, separated by empty lines; one with a line indented by two spaces is kept as it is. */
  readonly description: string;
  readonly options: readonly OptionSpec[];
  readonly args: readonly ArgumentSpec[];
  /** The statuses worth knowing for this command, as a paragraph. */
  readonly exitStatus: string;
  /** Does not talk to a server as a client does, and takes none of CLIENT_OPTIONS. */
  readonly standalone?: boolean;
  /** Deals with Ctrl-C and SIGTERM itself. */
  readonly handlesSignals?: boolean;
  /** Commands behind this word, which takes nothing else; see {@link defineGroup}. */
  readonly subcommands?: readonly Command[];
  /** The command that was meant by a word that is none of these, if that is clear. */
  readonly meant?: (word: string) => string | undefined;
  /** Resolves when all is done; whatever is not done is thrown as a NetdiskError. */
  run(invocation: Invocation): Promise<void> | void;
}

/** A command that knows the values of its own options. */
export interface TypedCommand<Specs extends readonly OptionSpec[]>
  extends Command {
  readonly options: Specs;
  run(invocation: Invocation<OptionValues<Specs>>): Promise<void> | void;
}

/**
 * Types `run` after the command's own options, or checks that it fits them if it
 * was typed elsewhere. The object is returned as it is.
 */
export function defineCommand<const Specs extends readonly OptionSpec[]>(
  command: TypedCommand<Specs>,
): TypedCommand<Specs> {
  return command;
}

/** What is told of a group; the rest follows from its commands. */
interface Group<Specs extends readonly (readonly OptionSpec[])[]>
  extends
    Pick<Command, "name" | "summary" | "description" | "exitStatus">,
    Partial<
      Pick<Command, "usage" | "examples" | "standalone" | "meant" | "run">
    > {
  /** Each takes them as well, so that they may stand before or after its word. */
  readonly options: readonly OptionSpec[];
  /** Their names begin with that of the group, as in `admin users`. */
  readonly subcommands: {
    readonly [Index in keyof Specs]: TypedCommand<Specs[Index]>;
  };
}

/**
 * A command that is a family of others, each checked as in {@link defineCommand}.
 * It is `standalone` unless said otherwise, and does nothing by itself without a
 * `run` of its own.
 */
export function defineGroup<
  const Specs extends readonly (readonly OptionSpec[])[],
>(group: Group<Specs>): Command {
  const subcommands: readonly Command[] = group.subcommands;
  return {
    examples: subcommands.map(({ examples, summary }) => ({
      ...examples[0]!,
      note: summary,
    })),
    standalone: true,
    run: () => {
      throw usageError(group.name, "a command is missing");
    },
    ...group,
    usage: [
      ...group.usage ?? [],
      ...subcommands.flatMap(({ usage }) => usage),
    ],
    subcommands,
    args: [],
  };
}

/** All options that a command takes, its own first. */
export function optionsOf(command: Command): readonly OptionSpec[] {
  return [...command.options, ...sharedOptionsOf(command)];
}

/** Options that a command has in common with others; it may use their letters for its own. */
export function sharedOptionsOf(
  { standalone, options }: Command,
): readonly OptionSpec[] {
  const shared: readonly OptionSpec[] = standalone
    ? COMMON_OPTIONS
    : [...CLIENT_OPTIONS, ...COMMON_OPTIONS];
  const letters = new Set(options.map(({ short }) => short));
  return shared.map(({ short, ...rest }) =>
    short === undefined || letters.has(short) ? rest : { short, ...rest }
  );
}

/** A usage error, with the help to read as its hint unless there is a better one. */
export function usageError(
  command: string,
  reason: string,
  hint?: string,
): NetdiskError {
  const topic = command === "" ? "" : ` ${command}`;
  return new NetdiskError(
    "usage",
    command === "" ? reason : `${command}: ${reason}`,
    { hint: hint ?? `netdisk help${topic}` },
  );
}
