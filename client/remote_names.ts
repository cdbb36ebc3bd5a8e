/**
 * Remote paths with the short name of their server in front, `home:report.pdf`:
 * finds them among the values of a command, and makes of them plain paths and
 * the server that they are on. Pure. `./home:x` and `/home:x` are files.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { camelCase } from "./arguments.ts";
import {
  type Command,
  type Invocation,
  optionsOf,
  usageError,
} from "./command.ts";
import { nearest } from "../protocol/nearest.ts";
import { type NamedServer, parseServer } from "./server_names.ts";

type Values = Pick<Invocation, "options" | "args">;

/** What is known of servers, as far as names need it. */
export interface KnownServers {
  servers: readonly NamedServer[];
  /** The address of the one that a command means which names none. @throws NetdiskError `usage` */
  standard: () => string;
}

/** A path that is one only because no server has the name in front of it. */
export interface Doubt {
  value: string;
  /** The same with the name of a server that is spelled nearly so. */
  guess: string | undefined;
}

/** Nothing with a slash before the colon; the name may be nobody's. */
const PREFIXED = /^(?<name>[a-z][a-z0-9_-]{1,31}):(?<path>.*)$/s;

/**
 * Takes the short names off the remote paths of a command, and gives it the server
 * in the place of `--server`. What only looks like a short name stays.
 *
 * @param known is only asked when something looks like one
 * @throws NetdiskError `usage` when the paths are on several servers
 */
export function resolveRemoteNames(
  command: Command,
  values: Values,
  known: () => KnownServers,
): Values & { doubt?: Doubt } {
  const paths: string[] = [];
  mapRemote(command, values, (value) => {
    paths.push(value);
    return value;
  });
  if (!paths.some((path) => PREFIXED.test(path))) return values;
  const { servers, standard } = known();
  const doubt = doubtOf(paths, servers);
  const doubts = doubt === undefined ? {} : { doubt };
  const first = paths.find((path) => splitServer(path, servers));
  if (first === undefined) return { ...values, ...doubts };
  const { name, address } = splitServer(first, servers)!;
  const { server } = values.options;
  const given = server && parseServer(server, servers).address;
  if (given !== undefined && given !== address) {
    throw usageError(
      command.name,
      `'${first}' is on ${name}, and --server is ${given}`,
    );
  }
  let nameless = given;
  for (const path of paths) {
    const there = splitServer(path, servers);
    // A fault of the standard matters only to a path that is on it.
    const actual = there?.address ?? (nameless ??= standard());
    if (actual === address) continue;
    throw usageError(
      command.name,
      `'${first}' is on ${name} and '${path}' on ${there?.name ?? actual}, ` +
        "but a command works on one server",
    );
  }
  const { options, args } = mapRemote(
    command,
    values,
    (path) => {
      const there = splitServer(path, servers);
      // The name alone is all that one has there.
      return there ? there.path || "/" : path;
    },
  );
  // A link that was given says more than the name does.
  return { options: { ...options, server: server ?? name }, args, ...doubts };
}

/** Says of what was not found what it was perhaps meant to be. */
export function explainDoubt(
  error: unknown,
  { value, guess }: Doubt,
): unknown {
  if (!(error instanceof NetdiskError) || error.hint !== undefined) {
    return error;
  }
  // Of several, it is likely only where there is a guess.
  const isPart = error.code === "partial" && guess !== undefined;
  if (error.code !== "not-found" && !isPart) return error;
  const name = value.slice(0, value.indexOf(":"));
  const hint = guess === undefined
    ? `no server is called ${name} here; to change that: netdisk login USER --server ${name}=HOST`
    : `did you mean ${guess}?`;
  return new NetdiskError(error.code, error.message, { cause: error, hint });
}

/** What to ask of a doubt when the command has worked; nothing where the name is as likely meant. */
export function questionOf({ value, guess }: Doubt): string | undefined {
  const taken = `${value} was taken for a plain name`;
  if (guess !== undefined) return `${taken}; did you mean ${guess}?`;
  // Nothing behind the colon: few files are called so.
  return value.endsWith(":")
    ? `${taken}, as no server is called ${value.slice(0, -1)} here`
    : undefined;
}

/** The values with another text for each that names something on the server. */
function mapRemote(
  command: Command,
  { options, args }: Values,
  change: (path: string) => string,
): Values {
  const changed: Record<string, unknown> = { ...options };
  for (const { name, names } of optionsOf(command)) {
    if (names !== "remote") continue;
    const key = camelCase(name);
    const value = changed[key];
    if (typeof value === "string") changed[key] = change(value);
    if (Array.isArray(value)) changed[key] = value.map(change);
  }
  return {
    options: changed as unknown as Values["options"],
    args: args.map((arg, index) => {
      const spec = command.args[index] ?? command.args.at(-1);
      return spec?.names === "remote" ? change(arg) : arg;
    }),
  };
}

/** Takes the short name of a server that is known off a path; undefined for any other. */
export function splitServer(
  value: string,
  servers: readonly NamedServer[],
): { name: string; address: string; path: string } | undefined {
  const { name, path = "" } = PREFIXED.exec(value)?.groups ?? {};
  if (name === undefined) return undefined;
  const server = servers.find((server) => server.name === name);
  return server && { name, address: server.address, path };
}

function doubtOf(
  paths: readonly string[],
  servers: readonly NamedServer[],
): Doubt | undefined {
  const value = paths.find((path) =>
    PREFIXED.test(path) && !splitServer(path, servers)
  );
  if (value === undefined) return undefined;
  const { name = "", path } = PREFIXED.exec(value)!.groups!;
  const guess = nearest(name, servers.flatMap((server) => server.name ?? []));
  return { value, guess: guess && `${guess}:${path}` };
}
