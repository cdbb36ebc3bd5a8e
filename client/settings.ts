/** What the options, variables and the config file come to, and where each value is from. */

import { camelCase } from "./arguments.ts";
import { CLIENT_OPTIONS, type Invocation, type OptionSpec } from "./command.ts";
import { Config, type ConfigData, findConfigFolder } from "./config.ts";
import { DEFAULT_RETRIES } from "./retry.ts";
import { chooseUser, type Origin, readServer } from "./server_choice.ts";

/** One value, and what set it. */
export interface Setting {
  /** As the option is called, where there is one. */
  name: string;
  /** Null where there is none. */
  value: string | number | boolean | null;
  origin: Origin;
  /** The option or the variable; null where it is none. */
  source: string | null;
}

type Context = Pick<Invocation, "options" | "env">;

const SPECS: readonly OptionSpec[] = CLIENT_OPTIONS;

const DEFAULTS: Readonly<Record<string, string | number>> = {
  retries: DEFAULT_RETRIES,
  progress: "auto",
};

/** Where the config file is. @throws NetdiskError without a home */
export function configPlaces(env: Invocation["env"]): Setting[] {
  const { path, variable } = findConfigFolder(env);
  const isChosen = !["HOME", "APPDATA"].includes(variable);
  const from = isChosen
    ? { origin: "environment", source: variable } as const
    : { origin: "default", source: null } as const;
  return [
    { name: "config-folder", value: path, ...from },
    { name: "config-file", value: new Config(path).path, ...from },
  ];
}

/**
 * Server and account. A link is shown as its address only: it may hold an invite.
 *
 * @throws NetdiskError `usage` when what is set means no server
 */
export function accountSettings(
  context: Context,
  data: ConfigData,
): Setting[] {
  const { address, origin } = readServer(context, data);
  const saved = data.servers.find((server) => server.address === address);
  const account = chooseUser(context, saved);
  return [
    { name: "server", value: address, ...sourced("server", origin) },
    {
      name: "user",
      value: account.user ?? null,
      ...sourced("user", account.origin),
    },
  ];
}

/** Everything that needs no config file. */
export function otherSettings({ options, env }: Context): Setting[] {
  const values: Readonly<Record<string, Setting["value"] | undefined>> = {
    ...options,
  };
  const given = SPECS
    .filter(({ name }) => name !== "server" && name !== "user")
    .map((spec): Setting => {
      const { name } = spec;
      const value = values[camelCase(name)];
      if (value !== undefined && value !== false) {
        const isNumber = typeof DEFAULTS[name] === "number";
        return {
          name,
          value: isNumber ? Number(value) : value,
          ...sourced(name, "option"),
        };
      }
      const standard = spec.value === undefined ? false : DEFAULTS[name];
      return variableOr(spec.env, { name, value: standard ?? null }, env);
    });
  return [
    ...given,
    variableOr(
      "NETDISK_PASSWORD_FILE",
      { name: "password-file", value: null },
      env,
    ),
    env("NO_COLOR")
      ? {
        name: "colour",
        value: "never",
        origin: "environment",
        source: "NO_COLOR",
      }
      : { name: "colour", value: "auto", origin: "default", source: null },
  ];
}

function variableOr(
  variable: string | undefined,
  standard: Pick<Setting, "name" | "value">,
  env: Invocation["env"],
): Setting {
  const value = variable && env(variable);
  return value
    ? { ...standard, value, origin: "environment", source: variable }
    : { ...standard, origin: "default", source: null };
}

function sourced(name: string, origin: Origin) {
  const source = origin === "option"
    ? `--${name}`
    : origin === "environment"
    ? SPECS.find((spec) => spec.name === name)?.env
    : undefined;
  return { origin, source: source ?? null };
}
