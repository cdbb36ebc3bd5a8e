import { assertEquals } from "@std/assert";
import { type Completion, completionOf } from "../../client/completion.ts";
import { COMMANDS } from "../../main.ts";

/** What is offered at the end of a line: words, or the kind of name with what is there of it. */
async function offered(...argv: string[]): Promise<string[] | string> {
  const completion: Completion = await completionOf(argv, COMMANDS);
  if (completion.kind === "words") {
    return completion.candidates.map(({ text }) => text);
  }
  const { names, before, value } = completion;
  return `${names} ${before}${value}`;
}

Deno.test("completionOf() finds commands, options, values and names", async () => {
  const cases: [argv: string[], words: string[] | string][] = [
    [["sess"], ["sessions"]],
    [["--qui"], ["--quiet"]],
    [["--server", "home", "who"], ["whoami"]],
    [["admin", "in"], ["invite"]],
    [["admin", "--root", "x", "in"], ["invite"]],
    [["admin", "--ro"], ["--root"]],
    [["admin", "nothing", ""], []],
    [["help", "pi"], ["ping"]],
    [["help", "admin", "us"], ["users"]],
    [["help", "ls", ""], []],
    [["help", "--j"], ["--json"]],
    [["completions", ""], ["bash", "zsh", "fish"]],
    [["completions", "bash", ""], []],
    [["ls", "--progress", "a"], ["auto", "always"]],
    [["ls", "--progress=a"], ["--progress=auto", "--progress=always"]],
    [["put", "x", "--lim"], ["--limit-rate"]],
    [["put", "x", "--limit-rate", ""], []],
    [["put", ""], "local "],
    [["put", "a", "b"], "local b"],
    [["put", "a", "--to", "b"], "remote b"],
    [["put", "a", "-t", "b"], "remote b"],
    [["put", "a", "-rt", "b"], "remote b"],
    [["put", "a", "--to=b"], "remote --to=b"],
    [["put", "-r", "--to", "b", "c"], "local c"],
    [["put", "--", "-x"], "local -x"],
    [["put", "--", "--to=x"], "local --to=x"],
    [["get", "a"], "remote a"],
    [["get", "a", "--to", "b"], "local b"],
    [["sync", "a"], "local a"],
    [["sync", "a", "b"], "remote b"],
    [["sync", "a", "b", "c"], []],
    [["login", "a"], "user a"],
    [["login", "a", "--server", "b"], "server b"],
    [["send", "a"], "sender a"],
    [["send", "a", "b"], "local b"],
    [["inbox", "read", ""], "parcel "],
    [["inbox", "delete", "1", "2"], "parcel 2"],
    [["inbox", "unblock", "a"], "blocked a"],
    [["whoami", "a"], []],
    [["whoami", "--no-such=a"], []],
    [["nothing", "a"], []],
    [["complete", ""], []],
  ];
  for (const [argv, words] of cases) {
    assertEquals(await offered(...argv), words, argv.join(" "));
  }
});

Deno.test("completionOf() does not offer the command that completes", async () => {
  assertEquals(await offered("complet"), ["completions"]);
});
