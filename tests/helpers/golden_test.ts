import { assertEquals, assertThrows } from "@std/assert";
import { toFileUrl } from "@std/path";
import { assertGolden, assertOutcome, reconcile } from "./golden.ts";
import { tempFolder } from "./temp_folder.ts";

const quiet = { code: 0, stdout: "", stderr: "" };

Deno.test("reconcile() takes the lines that fit for their patterns", () => {
  const pattern = "a [..] c\n(x.y)*\n[..]\n";
  assertEquals(reconcile("a 1 2 c\n(x.y)*\nall\n", pattern), pattern);
  assertEquals(
    reconcile("a 1 2 d\n(xzy)*\n\n", pattern),
    "a 1 2 d\n(xzy)*\n[..]\n",
  );
});

Deno.test("reconcile() keeps what is too much, and makes up nothing", () => {
  assertEquals(reconcile("a\nb", "a"), "a\nb");
  assertEquals(reconcile("a", "a\n"), "a");
  assertEquals(reconcile("", "[..]\n"), "[..]");
});

Deno.test("assertOutcome() expects status 0 and silence", () => {
  assertOutcome(quiet);
  assertThrows(() => assertOutcome({ ...quiet, code: 1 }));
  assertThrows(() => assertOutcome({ ...quiet, stdout: "a\n" }));
  assertThrows(() => assertOutcome({ ...quiet, stderr: "a\n" }));
});

Deno.test("assertOutcome() compares every part", () => {
  const actual = { code: 3, stdout: "a\n", stderr: "error: b\n" };
  assertOutcome(actual, { code: 3, stdout: "a\n", stderr: "error: [..]\n" });
  assertThrows(() => assertOutcome(actual, { ...actual, code: 4 }));
  assertThrows(() => assertOutcome(actual, { ...actual, stdout: "" }));
  assertThrows(() => assertOutcome(actual, { ...actual, stderr: "[..]" }));
});

Deno.test("assertGolden() compares with a file, and updates what differs", () => {
  using folder = tempFolder();
  const url = toFileUrl(`${folder.path}/`);
  const file = `${folder.path}/help.out`;
  assertThrows(
    () => assertGolden("a 1\nb\n", "help", url, false),
    Error,
    "is missing",
  );
  assertGolden("a 1\nb\n", "help", url, true);
  assertGolden("a 1\nb\n", "help", url, false);
  Deno.writeTextFileSync(file, "a [..]\nb\n");
  assertGolden("a 2\nb\n", "help", url, false);
  assertThrows(() => assertGolden("a 2\nc\n", "help", url, false));
  assertGolden("a 2\nc\n", "help", url, true);
  assertEquals(Deno.readTextFileSync(file), "a [..]\nc\n");
});
