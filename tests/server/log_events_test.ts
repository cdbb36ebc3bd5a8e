/** What the log may say is written down: docs/service.md has every event. */

import { assertEquals } from "@std/assert";

const SERVER = new URL("../../server/", import.meta.url);
const PAGE = new URL("../../docs/service.md", import.meta.url);

/** Events that the source names where it logs them. */
const LOGGED =
  /\b(?:logEvent|log|note|logFailure|new EventDigest)\(\s*(?:undefined,\s*)?"([a-z-]+)"/g;

/** Those that it makes of something else: of requests, and of what became of them. */
const MADE = [
  ...["logout", "logout-all"],
  ...["mkdir", "move", "remove", "touch"],
  ...["register", "login"],
  ...["register-failed", "login-failed", "authenticate-failed"],
  ...["lost", "closed", "block", "unblock"],
];

function namedInSource(): Set<string> {
  const names = new Set(MADE);
  for (const { name } of Deno.readDirSync(SERVER)) {
    if (!name.endsWith(".ts")) continue;
    const text = Deno.readTextFileSync(new URL(name, SERVER));
    for (const [call, event] of text.matchAll(LOGGED)) {
      const isFailure = call.startsWith("logFailure");
      names.add(isFailure ? `${event}-failed` : event!);
    }
  }
  return names;
}

function namedInDocs(): Set<string> {
  const page = Deno.readTextFileSync(PAGE);
  const rows = page.slice(page.indexOf("| event "), page.indexOf("## Status"))
    .split("\n").slice(2).filter((line) => line.startsWith("|"));
  return new Set(rows.flatMap((row) => {
    const [, events = ""] = row.split("|");
    return [...events.matchAll(/`([a-z-]+)`/g)].map(([, event]) => event!);
  }));
}

Deno.test("docs/service.md lists the events of the log, all of them and no others", () => {
  assertEquals([...namedInDocs()].sort(), [...namedInSource()].sort());
});
