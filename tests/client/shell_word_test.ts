import { assertEquals } from "@std/assert";
import { shellArgument, shellWord } from "../../client/shell_word.ts";

const WORDS: [string, string][] = [
  ["a/b-c.jpg", "a/b-c.jpg"],
  ["-n", "./-n"],
  ["-my n", "'./-my n'"],
  // A file, and not something on the server home.
  ["home:a", "./home:a"],
  ["C:/a", "C:/a"],
  ["a/home:b", "a/home:b"],
  ["it's", "'it'\\''s'"],
  ["a*", "'a*'"],
  ["", "''"],
  ["~", "'~'"],
  ["é", "é"],
];

for (const [text, expected] of WORDS) {
  Deno.test(`shellWord() of ${text} is ${expected}`, () => {
    assertEquals(shellWord(text), expected);
  });
}

Deno.test("shellWord() is one word of a shell", async () => {
  for (const [text] of WORDS) {
    const args = ["-c", `printf %s ${shellArgument(text)}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    assertEquals(new TextDecoder().decode(stdout), text);
  }
});
