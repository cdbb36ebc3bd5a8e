/**
 * Texts that a program has to say, line by line; `[..]` in an expected line
 * stands for anything. Long ones lie in `tests/e2e/golden/NAME.out`:
 * NETDISK_UPDATE_GOLDEN=1 writes what was said into them, and leaves the lines
 * that fit as they are.
 */

import { assertEquals } from "@std/assert";
import type { Outcome } from "./process.ts";

const ANYTHING = "[..]";
const FOLDER = new URL("../e2e/golden/", import.meta.url);

/** What is expected of a process. @default status 0 and not a word */
export type Expected = Partial<Outcome>;

/** Compares all of an outcome: what is not mentioned must not be there. */
export function assertOutcome(actual: Outcome, expected: Expected = {}): void {
  const whole = { code: 0, stdout: "", stderr: "", ...expected };
  assertEquals({
    code: actual.code,
    stdout: reconcile(actual.stdout, whole.stdout),
    stderr: reconcile(actual.stderr, whole.stderr),
  }, whole);
}

/** Compares a text with the golden file `name`, or updates that. */
export function assertGolden(
  actual: string,
  name: string,
  folder: URL = FOLDER,
  isUpdate: boolean = Deno.env.get("NETDISK_UPDATE_GOLDEN") === "1",
): void {
  const file = new URL(`${name}.out`, folder);
  const expected = readIfThere(file);
  const reconciled = reconcile(actual, expected ?? "");
  if (isUpdate && reconciled !== expected) {
    Deno.writeTextFileSync(file, reconciled);
    return;
  }
  if (expected === undefined) {
    throw new Error(`${file.pathname} is missing: NETDISK_UPDATE_GOLDEN=1`);
  }
  assertEquals(reconciled, expected);
}

/** The actual text with every line that fits its pattern written as that. */
export function reconcile(actual: string, pattern: string): string {
  const patterns = pattern.split("\n");
  return actual.split("\n").map((line, i) => {
    const expected = patterns[i];
    return expected !== undefined && lineFits(line, expected) ? expected : line;
  }).join("\n");
}

function lineFits(line: string, pattern: string): boolean {
  if (!pattern.includes(ANYTHING)) return line === pattern;
  const parts = pattern.split(ANYTHING).map((text) =>
    text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${parts.join(".*")}$`, "su").test(line);
}

function readIfThere(file: URL): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
