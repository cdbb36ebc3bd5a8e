/**
 * What the commands of `netdisk admin` have in common: what they are given, and
 * the option that names the root.
 */

import { NetdiskError } from "../../protocol/errors.ts";
import { DEFAULT_ROOT } from "../serve_options.ts";

/** Every command has it, before or after its word. */
export const ROOT_OPTION = {
  name: "root",
  value: "DIR",
  names: "local",
  description: `the folder that is served (default ${DEFAULT_ROOT})`,
} as const;

/** The parsed value of {@link ROOT_OPTION}. */
export interface RootOptions {
  root: string | undefined;
}

/** The terminal and the streams, as the client has them. */
export interface AdminContext {
  output: {
    print(line: string): void;
    record(type: string, fields: Record<string, unknown>): void;
    notice(text: string): void;
  };
  stdin: { isTerminal(): boolean };
  env: (name: string) => string | undefined;
}

/** What a command needs of its caller. */
export interface AdminInvocation<Options> extends AdminContext {
  options: Options & RootOptions;
  args: readonly string[];
}

/** How people are asked and shown things: the client's (client/desk.ts). */
export interface Desk {
  /** Asks a question; false without a terminal. */
  confirm(question: string, context: AdminContext): Promise<boolean>;
  /** The password from stdin, a file, or a hidden prompt. */
  readPassword(
    options: {
      stdin: boolean;
      file: string | undefined;
      prompt: string;
      confirm: boolean;
    },
    context: AdminContext,
  ): Promise<string>;
  /** Escapes what could drive a terminal. */
  displayText(text: string): string;
  /** `2026-01-31 14:05`; blanks for null. */
  localTime(time: number | null): string;
  /** `1.50 GiB` */
  formatBytes(bytes: number): string;
}

/** A time for `--json`. */
export function jsonTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** What a wrong argument comes to. */
export function usageError(command: string, reason: string): NetdiskError {
  return new NetdiskError("usage", `admin ${command}: ${reason}`, {
    hint: `netdisk help admin ${command}`,
  });
}
