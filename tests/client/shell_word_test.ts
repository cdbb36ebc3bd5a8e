import { assertEquals } from "@std/assert";
import {
  remoteWord,
  shellArgument,
  shellWord,
} from "../../client/shell_word.ts";

const WORDS: [string, string][] = [
  ["a/b-c.jpg", "a/b-c.jpg"],
  ["-n", "./-n"],
  ["-my n", "'./-my n'"],
  ["home:a", "home:a"],
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

Deno.test("remoteWord() names a file, and not something on the server home", () => {
  const words = [
    ["home:a", "./home:a"],
    ["home:a b", "'./home:a b'"],
    ["-n", "./-n"],
    ["h:a", "h:a"],
    ["./home:a", "./home:a"],
    ["a/home:b", "a/home:b"],
  ];
  for (const [path, word] of words) assertEquals(remoteWord(path!), word);
});

Deno.test("shellWord() is one word of a shell", async () => {
  for (const [text] of WORDS) {
    const args = ["-c", `printf %s ${shellArgument(text)}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    assertEquals(new TextDecoder().decode(stdout), text);
  }
});
