/**
 * `netdisk complete`, which the scripts of completion_scripts.ts ask: it prints
 * what kind of names is wanted, then the candidates, one a line. Whatever goes
 * wrong it says nothing: the person is in the middle of a line.
 *
 *     netdisk complete bash LINE TEXT     the line up to the cursor, and what bash will replace
 *     netdisk complete zsh WORD...        the arguments up to the cursor, without quotes
 *     netdisk complete fish WORD...
 *
 * The kinds are `words`, `remote` (paths; a folder ends in a slash, and no blank
 * follows) and `local`, which shells know best. For bash they are quoted, as its own
 * way leaves `$(...)` and backquotes alive; the others quote for themselves.
 */

import type { CommandEntry } from "./command_list.ts";
import { type Candidate, type Completion, completionOf } from "./completion.ts";
import {
  blockedUsers,
  parcels,
  remotePaths,
  senders,
  serverNames,
  userNames,
} from "./completion_names.ts";
import type { OutputSystem } from "./output.ts";
import { type OpenQuote, readTyped, writeTyped } from "./shell_line.ts";
import { writeAllSync } from "./stream_writer.ts";

/** The word of the command, which no help shows. */
export const COMPLETE = "complete";

/** Nobody waits longer for a proposal. */
const DEADLINE_MS = 1500;

/** What a line of the answer cannot hold. */
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

type Kind = "words" | "remote" | "local";

/** Answers one question of a shell. Throws nothing. */
export async function complete(
  [shell = "", ...question]: readonly string[],
  system: OutputSystem,
  commands: readonly CommandEntry[],
): Promise<void> {
  const deadline = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => deadline.resolve(undefined), DEADLINE_MS);
  try {
    const answering = answer(shell, question, system, commands);
    // Late failures are nobody's business either.
    answering.catch(() => {});
    const lines = await Promise.race([answering, deadline.promise]);
    if (lines === undefined) return;
    const text = lines.map((line) => `${line}\n`).join("");
    writeAllSync(system.stdout, new TextEncoder().encode(text));
  } catch {
    // No proposal.
  } finally {
    clearTimeout(timer);
  }
}

async function answer(
  shell: string,
  question: readonly string[],
  system: OutputSystem,
  commands: readonly CommandEntry[],
): Promise<string[]> {
  const isBash = shell === "bash";
  const { argv, kept, quote } = isBash ? askedByBash(question) : {
    argv: question,
    kept: shell === "zsh" ? optionPart(question.at(-1) ?? "") : "",
    quote: "" as const,
  };
  const completion = await completionOf(argv, commands);
  const { kind, candidates } = await resolve(completion, system);
  const lines = candidates
    .filter(({ text }) => text.startsWith(kept) && !CONTROL.test(text))
    .map(({ text, description }) => {
      const word = text.slice(kept.length);
      if (isBash) return writeTyped(word, quote);
      return description === undefined ? word : `${word}\t${description}`;
    });
  return [kind, ...lines];
}

/**
 * bash replaces the end of a word, from the last `:`, `=` or quote on: what
 * stands before that is kept. What replaces it has to be quoted.
 */
function askedByBash(
  [line = "", text = ""]: readonly string[],
): { argv: string[]; kept: string; quote: OpenQuote } {
  const [, ...argv] = readTyped(line).words;
  const isEnd = line.endsWith(text);
  const head = isEnd ? line.slice(0, line.length - text.length) : line;
  const { words, quote } = readTyped(head);
  return { argv, kept: words.at(-1) ?? "", quote };
}

/** The script for zsh has taken `--to=` off. */
function optionPart(word: string): string {
  return /^--[^=]+=/.exec(word)?.[0] ?? "";
}

async function resolve(
  completion: Completion,
  system: OutputSystem,
): Promise<{ kind: Kind; candidates: readonly Candidate[] }> {
  if (completion.kind === "words") return completion;
  const { names, value, before, given } = completion;
  const env = (name: string) => system.env(name);
  const words = (all: readonly Candidate[]) => ({
    kind: "words" as const,
    candidates: all.filter(({ text }) => text.startsWith(value))
      .map((candidate) => ({ ...candidate, text: before + candidate.text })),
  });
  const texts = (all: readonly string[]) =>
    words(all.map((text) => ({ text })));
  switch (names) {
    case "local":
      return { kind: "local", candidates: [] };
    case "server":
      return texts(serverNames(env));
    case "user":
      return texts(userNames(env));
    case "parcel":
      return words(await parcels(given, system));
    case "sender":
      return texts(await senders(given, system));
    case "blocked":
      return texts(await blockedUsers(given, system));
    case "remote": {
      const paths = await remotePaths(value, given, system);
      const candidates = paths.map((path) => ({ text: before + path }));
      return { kind: "remote", candidates };
    }
  }
}
