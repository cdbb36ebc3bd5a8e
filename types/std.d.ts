/**
 * Types of the `@std` modules that netdisk imports. The npm mirror named in
 * deno.json ships none; its code is the standard library's own. Only what is
 * used stands here: add a signature, copied from the standard library's
 * documentation, when a new symbol is imported.
 */

declare module "@std/assert" {
  type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

  export class AssertionError extends Error {}
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertFalse(expr: unknown, msg?: string): void;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ): asserts actual is T;
  export function assertExists<T>(
    actual: T,
    msg?: string,
  ): asserts actual is NonNullable<T>;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertInstanceOf<
    T extends abstract new (...args: never[]) => unknown,
  >(
    actual: unknown,
    expectedType: T,
    msg?: string,
  ): asserts actual is InstanceType<T>;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertNotMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    msg?: string,
  ): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    errorClass?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function fail(msg?: string): never;
  export function unreachable(reason?: string): never;
}

declare module "@std/cli/parse-args" {
  export interface ParseOptions<
    S extends string,
    B extends string,
    C extends string,
  > {
    /** Options that take a value; with "_" the bare arguments stay strings. */
    string?: readonly S[];
    boolean?: readonly B[];
    /** Options that may be given several times. */
    collect?: readonly C[];
    negatable?: readonly string[];
    default?: Record<string, unknown>;
    alias?: Record<string, string | readonly string[]>;
    /** Keep what follows `--` apart, as the property "--". */
    "--"?: boolean;
    stopEarly?: boolean;
    /** Called for each option not named here; false leaves it out. */
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }

  export type ParsedArgs<
    S extends string,
    B extends string,
    C extends string,
  > =
    & { [K in Exclude<S, C | "_">]?: string }
    & { [K in Exclude<B, C>]: boolean }
    & { [K in C & S]: string[] }
    & { [K in C & B]: boolean[] }
    & { _: "_" extends S ? string[] : (string | number)[]; "--"?: string[] };

  export function parseArgs<
    const S extends string = never,
    const B extends string = never,
    const C extends string = never,
  >(
    args: readonly string[],
    options?: ParseOptions<S, B, C>,
  ): ParsedArgs<S, B, C>;
}

declare module "@std/fmt/bytes" {
  export interface FormatOptions {
    bits?: boolean;
    /** KiB and MiB in place of kB and MB. */
    binary?: boolean;
    signed?: boolean;
    locale?: boolean | string | string[];
    minimumFractionDigits?: number;
    maximumFractionDigits?: number;
  }
  export function format(num: number, options?: FormatOptions): string;
}

declare module "@std/fmt/colors" {
  export function bold(str: string): string;
  export function dim(str: string): string;
  export function red(str: string): string;
  export function green(str: string): string;
  export function yellow(str: string): string;
  export function cyan(str: string): string;
  export function setColorEnabled(value: boolean): void;
  export function stripAnsiCode(str: string): string;
}

declare module "@std/fmt/duration" {
  export interface FormatOptions {
    style?: "narrow" | "full" | "digital";
    ignoreZero?: boolean;
  }
  export function format(ms: number, options?: FormatOptions): string;
}

declare module "@std/path" {
  export const SEPARATOR: string;
  export function basename(path: string | URL, suffix?: string): string;
  export function dirname(path: string | URL): string;
  export function extname(path: string | URL): string;
  export function fromFileUrl(url: string | URL): string;
  export function isAbsolute(path: string): boolean;
  export function join(path: string | URL, ...paths: string[]): string;
  export function normalize(path: string | URL): string;
  export function relative(from: string, to: string): string;
  export function resolve(...paths: string[]): string;
  export function toFileUrl(path: string): URL;
}

declare module "@std/path/posix" {
  export function basename(path: string | URL, suffix?: string): string;
  export function dirname(path: string | URL): string;
  export function extname(path: string | URL): string;
  export function join(path: string | URL, ...paths: string[]): string;
  export function normalize(path: string | URL): string;
  export function relative(from: string, to: string): string;
}
