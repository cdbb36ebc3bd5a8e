import { assertEquals } from "@std/assert";
import { systemReason } from "../../protocol/system_reason.ts";

Deno.test("systemReason() leaves the system's words, without what Deno adds", () => {
  for (
    const [message, reason] of [
      ["Permission denied (os error 13): open '/a'", "Permission denied"],
      ["Is a directory (os error 21)", "Is a directory"],
      ["File name too long (os error 36): mkdir 'a\nb'", "File name too long"],
      ["invalid data", "invalid data"],
    ] as const
  ) {
    assertEquals(systemReason(new Error(message)), reason);
  }
  assertEquals(systemReason("gone"), "gone");
});
