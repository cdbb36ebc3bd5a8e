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
  type Flag<Names extends string, Value> = { [Name in Names]: Value };

  /** Narrower than the library's: strings that may be missing, and booleans. */
  export function parseArgs<S extends string, B extends string>(
    args: readonly string[],
    options: {
      string: readonly S[];
      boolean: readonly B[];
      alias?: Record<string, string>;
      unknown?: (arg: string, key?: string, value?: unknown) => unknown;
    },
  ): Flag<S, string | undefined> & Flag<B, boolean> & { _: string[] };
}

declare module "@std/fmt/bytes" {
  export function format(num: number): string;
}

declare module "@std/fmt/colors" {
  export function bold(str: string): string;
  export function stripAnsiCode(str: string): string;
}

declare module "@std/path" {
  export const SEPARATOR: "/" | "\\";
  export function basename(path: string | URL, suffix?: string): string;
  export function dirname(path: string | URL): string;
  export function fromFileUrl(url: string | URL): string;
  export function globToRegExp(
    glob: string,
    options?: { extended?: boolean; os?: "darwin" | "linux" | "windows" },
  ): RegExp;
  export function isAbsolute(path: string): boolean;
  export function join(path: string | URL, ...paths: string[]): string;
  export function relative(from: string, to: string): string;
  export function resolve(...paths: string[]): string;
  export function toFileUrl(path: string): URL;
}
