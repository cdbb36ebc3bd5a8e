/**
 * `netdisk serve --config FILE`: its settings are the options without their
 * dashes, checked as strictly, and what the command line says comes first.
 */

import { dirname, isAbsolute, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { nearest } from "../protocol/nearest.ts";
import {
  badSetting,
  type ConfigLine,
  parseConfigFile,
  settingLabel,
} from "./config_file.ts";
import { cannot } from "./os_errors.ts";
import {
  OPTIONS,
  type ServeOptions,
  type ServeOptionSpec,
} from "./serve_options.ts";

/** A hundred times what all settings take. */
const MAX_CONFIG_BYTES = 64 * 1024;

/** What may be set; a file cannot name another one. */
const KEYS: readonly ServeOptionSpec[] = OPTIONS.filter(({ name }) =>
  name !== "config"
);

/** All options, and what an error calls each of them. */
export interface Configured {
  options: ServeOptions;
  /** `--quota`, or `FILE:LINE: quota`. */
  labelOf: (name: string) => string;
}

/**
 * Adds what the file of `--config` says, if one is given.
 *
 * @throws NetdiskError `usage` for what is wrong in it, `local-io` when it cannot be read
 */
export function withConfigFile(given: ServeOptions): Configured {
  const file = given.config;
  const options: Record<string, string | boolean | undefined> = { ...given };
  const labels = new Map<string, string>();
  const lines = file === undefined
    ? []
    : parseConfigFile(readConfigFile(file), file);
  for (const line of lines) {
    const label = settingLabel(file!, line);
    const value = valueOf(line, label, dirname(file!));
    const option = camelCase(line.key);
    // A flag that was not given is false.
    if (options[option]) continue;
    options[option] = value;
    labels.set(line.key, label);
  }
  return {
    options: options as unknown as ServeOptions,
    labelOf: (name) => labels.get(name) ?? `--${name}`,
  };
}

/** Checks what needs no look at other settings. @throws NetdiskError `usage` */
function valueOf(
  { key, value }: ConfigLine,
  label: string,
  folder: string,
): string | boolean {
  const spec = KEYS.find(({ name }) => name === key);
  if (spec === undefined) {
    const guess = nearest(key, KEYS.map(({ name }) => name));
    const question = guess === undefined ? "" : `, did you mean ${guess}?`;
    throw badSetting(label, `there is no such setting${question}`);
  }
  if (spec.value === undefined) {
    if (value === "yes" || value === "no") return value === "yes";
    throw badSetting(label, `'${value}' is not yes or no`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const choices = spec.choices.join(", ");
    throw badSetting(label, `'${value}' is not one of ${choices}`);
  }
  // Wherever the server is started from.
  const isRelative = spec.names === "local" && !isAbsolute(value);
  return isRelative ? join(folder, value) : value;
}

function readConfigFile(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readAtMost(path, MAX_CONFIG_BYTES + 1);
  } catch (cause) {
    throw cannot(`read the config file '${path}'`, cause);
  }
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new NetdiskError(
      "local-io",
      `'${path}' is too large for a config file`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const [before = ""] = new TextDecoder().decode(bytes).split("\ufffd", 1);
    const line = before.split("\n").length;
    throw badSetting(`${path}:${line}`, "the line is not text in UTF-8");
  }
}

/** What may be a pipe or a device has no size that could be asked for. */
function readAtMost(path: string, size: number): Uint8Array {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(size);
  let length = 0;
  for (;;) {
    const count = file.readSync(bytes.subarray(length));
    // Null as well when there is no room left.
    if (!count) return bytes.subarray(0, length);
    length += count;
  }
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
