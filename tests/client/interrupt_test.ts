import { assertEquals } from "@std/assert";
import { onInterrupt, runCleanups } from "../../client/interrupt.ts";

Deno.test("runCleanups() runs the latest first, each once, whatever fails", () => {
  const ran: string[] = [];
  onInterrupt(() => ran.push("first"));
  onInterrupt(() => {
    throw new Error("cannot be removed");
  });
  onInterrupt(() => ran.push("last"));
  runCleanups();
  runCleanups();
  assertEquals(ran, ["last", "first"]);
});

Deno.test("onInterrupt() is over when its scope ends", () => {
  const ran: string[] = [];
  const cleanup = () => void ran.push("ran");
  {
    using _one = onInterrupt(cleanup);
    using _two = onInterrupt(cleanup);
  }
  {
    using _kept = onInterrupt(cleanup);
    runCleanups();
  }
  runCleanups();
  assertEquals(ran, ["ran"]);
});
