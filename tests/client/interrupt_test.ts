import { assertEquals } from "@std/assert";
import {
  endSignals,
  onInterrupt,
  runCleanups,
} from "../../client/interrupt.ts";

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

Deno.test("endSignals() names only what Deno can listen to", () => {
  const names = (os: typeof Deno.build.os) =>
    endSignals(os).map(([name, as]) => `${name}=${as}`).join(" ");
  assertEquals(names("linux"), "SIGINT=SIGINT SIGTERM=SIGTERM");
  assertEquals(names("darwin"), names("linux"));
  assertEquals(names("windows"), "SIGINT=SIGINT SIGBREAK=SIGINT");
});
