import { assertEquals } from "@std/assert";
import {
  EXIT_MEANINGS,
  EXIT_STATUS,
  STDOUT_CLOSED_STATUS,
} from "../../client/exit_status.ts";
import { SIGNAL_STATUS } from "../../client/interrupt.ts";

Deno.test("every exit status has one meaning, and none has it without being used", () => {
  const used = new Set([
    0,
    ...Object.values(EXIT_STATUS),
    ...Object.values(SIGNAL_STATUS),
    STDOUT_CLOSED_STATUS,
  ]);
  const explained = EXIT_MEANINGS.map(([status]) => status);
  assertEquals(explained, [...used].sort((a, b) => a - b));
});
