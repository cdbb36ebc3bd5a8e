/** What the report says of a work that could not be measured, so that the others have their figures. */
import { messageOf } from "../interrupt.ts";
import type { Context } from "./context.ts";
import type { Verdict } from "./report.ts";
import { Unavailable } from "./tool.ts";

const LOG_LINES_SHOWN = 10;

/** Tells the reason; after an interruption it throws it again. */
export function tellFailure(
  { logs, say, signal }: Context,
  { work, where }: Pick<Verdict, "work" | "where">,
  error: unknown,
): Verdict {
  if (signal.aborted) throw error;
  const isSkipped = error instanceof Unavailable;
  const measured = `${isSkipped ? "skipped" : "failed"}: ${messageOf(error)}`;
  say(`${isSkipped ? "" : "error: "}${work}: ${measured}`);
  if (!isSkipped) {
    for (const [version, log] of logs) {
      const lines = log().split("\n").slice(-LOG_LINES_SHOWN);
      say(`the server of ${version} said last\n${lines.join("\n")}`);
    }
  }
  return {
    work,
    where,
    bar: "to be measured",
    // The rest of it has just been told.
    measured: measured.split("\n")[0]!,
    ...(isSkipped ? {} : { met: false }),
  };
}
