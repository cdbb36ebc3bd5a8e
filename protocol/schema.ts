/**
 * Strict checks for values that came off the wire. A schema either returns the
 * value with its type or names the field that is wrong; unknown fields are
 * wrong. Knows nothing of netdisk's messages: those are in messages.ts.
 */

import { ProtocolError } from "./errors.ts";

/** Checks one value; `at` is its place in the message, for the error. */
export type Schema<T> = (value: unknown, at: string) => T;

/** The type that a schema lets through. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** Refuses the message because of the field at `at`. */
export function refuse(at: string, reason: string): never {
  throw new ProtocolError("bad-message", `${at} ${reason}`);
}

/** A well-formed string of at most `maxChars` UTF-16 units, matching `pattern` if given. */
export function text(maxChars: number, pattern?: RegExp): Schema<string> {
  return (value, at) => {
    if (typeof value !== "string") refuse(at, "is not a string");
    if (value.length > maxChars) {
      refuse(at, `is longer than ${maxChars} characters`);
    }
    if (!value.isWellFormed()) refuse(at, "is not valid Unicode");
    if (pattern && !pattern.test(value)) refuse(at, "has the wrong form");
    return value;
  };
}

/** A string for which `fault` finds no fault. */
export function checkedText(
  maxChars: number,
  fault: (value: string) => string | undefined,
): Schema<string> {
  const string = text(maxChars);
  return (value, at) => {
    const checked = string(value, at);
    const reason = fault(checked);
    if (reason) refuse(at, `is refused: ${reason}`);
    return checked;
  };
}

/** An integer from `min` to `max`, both at most 2^53-1 in size. */
export function integer(min: number, max: number): Schema<number> {
  return (value, at) => {
    if (!Number.isSafeInteger(value)) refuse(at, "is not an integer");
    const number = value as number;
    if (number < min || number > max) {
      refuse(at, `is not between ${min} and ${max}`);
    }
    // -0 and 0 are one value with one encoding.
    return number + 0;
  };
}

/** `true` or `false`. */
export function boolean(value: unknown, at: string): boolean {
  if (typeof value !== "boolean") refuse(at, "is not true or false");
  return value;
}

/** One of the given strings. */
export function oneOf<const T extends string>(
  options: readonly T[],
): Schema<T> {
  return (value, at) => {
    if (!options.includes(value as T)) refuse(at, "has an unknown value");
    return value as T;
  };
}

/** `null`, or what `inner` accepts. */
export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return (value, at) => value === null ? null : inner(value, at);
}

/** At most `maxItems` values that `inner` accepts. */
export function list<T>(inner: Schema<T>, maxItems: number): Schema<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) refuse(at, "is not a list");
    if (value.length > maxItems) {
      refuse(at, `has more than ${maxItems} items`);
    }
    let index = 0;
    try {
      const items: T[] = [];
      for (; index < value.length; index++) items.push(inner(value[index], ""));
      return items;
    } catch (error) {
      throw inside(`${at}[${index}]`, error);
    }
  };
}

/**
 * The refusal of a part, told from the whole. Places are only named when
 * something is wrong with them: a listing has thousands.
 */
function inside(prefix: string, error: unknown): unknown {
  if (!(error instanceof ProtocolError)) return error;
  return new ProtocolError(error.violation, prefix + error.message);
}

/** The fields of an object by name. */
export type Fields = Record<string, Schema<unknown>>;

/** The object type that some fields describe. */
export type InferFields<F extends Fields> = { [K in keyof F]: Infer<F[K]> };

/** An object with exactly these fields. */
export function object<F extends Fields>(fields: F): Schema<InferFields<F>> {
  const names = Object.keys(fields);
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      refuse(at, "is not an object");
    }
    const source = value as Record<string, unknown>;
    const isWhole = Object.keys(source).length === names.length &&
      names.every((name) => Object.hasOwn(source, name));
    if (!isWhole) refuseFields(fields, source, at);
    const result: Record<string, unknown> = {};
    let part = "";
    try {
      for (const name of names) {
        part = name;
        result[name] = fields[name]!(source[name], "");
      }
    } catch (error) {
      throw inside(`${at}.${part}`, error);
    }
    return result as InferFields<F>;
  };
}

/** Names the first field that is unknown, or else missing. */
function refuseFields(
  fields: Fields,
  source: Record<string, unknown>,
  at: string,
): never {
  for (const name of Object.keys(source)) {
    if (!Object.hasOwn(fields, name)) {
      refuse(at, `has an unknown field ${JSON.stringify(name.slice(0, 32))}`);
    }
  }
  const missing = Object.keys(fields).find((name) =>
    !Object.hasOwn(source, name)
  );
  refuse(`${at}.${missing}`, "is missing");
}
