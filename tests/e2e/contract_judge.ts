/** What every command line must keep to, whatever it does. */

import { assert, assertEquals } from "@std/assert";
import { EXIT_STATUS } from "../../client/exit_status.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Outcome } from "../helpers/process.ts";
import type { JsonObject } from "./contract_objects.ts";

/** In which form a command is to speak. `--json -q` shows that -q takes no object away. */
export const MODES = {
  text: [],
  json: ["--json", "-q"],
  quiet: ["-q"],
} as const;
export type Mode = keyof typeof MODES;

/** What holds for every command line. Gives the objects that it printed. */
export function judge(
  { code, stdout, stderr }: Outcome,
  status: number,
  mode: Mode,
): JsonObject[] {
  const said = `--- stdout\n${stdout}\n--- stderr\n${stderr}`;
  assertEquals(code, status, said);
  const isInterrupted = status === 130 || status === 143;
  const isServer = /^\S+Z sandbox /m.test(stderr);
  if (!isServer) {
    const errors = status === 0 || isInterrupted
      ? "none"
      : status === 8
      ? "several"
      : "one";
    judgeTalk(stderr, mode, errors);
  }
  if (mode === "json") return judgeObjects(stdout, status);
  // deno-lint-ignore no-control-regex -- that is what it is about
  assert(!/\x1b/.test(stdout), said);
  return [];
}

function judgeObjects(stdout: string, status: number): JsonObject[] {
  assert(stdout.endsWith("\n"), stdout);
  const objects = stdout.trimEnd().split("\n").map((line) =>
    JSON.parse(line) as JsonObject
  );
  const results = objects.filter(({ type }) => type === "result");
  assertEquals(results.length, 1, stdout);
  const result = objects.at(-1)!;
  assertEquals([result.type, result.exitCode], ["result", status], stdout);
  const { code } = (result.error ?? {}) as { code?: ErrorCode };
  assertEquals(code !== undefined, status !== 0, stdout);
  if (code && status !== 143) assertEquals(EXIT_STATUS[code], status);
  for (const { type, code, exitCode } of objects) {
    if (type !== "error") continue;
    assertEquals(exitCode, EXIT_STATUS[code as ErrorCode], stdout);
  }
  const hasErrors = objects.some(({ type }) => type === "error");
  assertEquals(hasErrors, status === 8, stdout);
  return objects;
}

/** What a command may say on stderr: lines of its own, an error a failure, after it its hint. */
export function judgeTalk(
  stderr: string,
  mode: Mode,
  errors: "none" | "one" | "several",
): void {
  const lines = stderr.split("\n");
  assertEquals(lines.pop(), "", stderr);
  const kinds = lines.map((line) =>
    /^netdisk: (error|hint): \S/.exec(line)?.[1] ??
      (line.startsWith("netdisk: ") ? "notice" : `not ours: ${line}`)
  );
  // deno-lint-ignore no-control-regex -- that is what it is about
  assert(!/\x1b/.test(stderr), stderr);
  const count = kinds.filter((kind) => kind === "error").length;
  if (errors === "several") assert(count > 1, stderr);
  else assertEquals(count, errors === "one" ? 1 : 0, stderr);
  for (const [index, kind] of kinds.entries()) {
    const isSaid = kind === "error" ||
      kind === "hint" && kinds[index - 1] === "error" ||
      kind === "notice" && mode === "text";
    assert(isSaid, `${kind}\n${stderr}`);
  }
}
