import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "../../protocol/nearest.ts";

const NO_IO = { permissions: "none" } as const;

Deno.test(
  "editDistance() counts insertions, deletions, changes and swaps",
  NO_IO,
  () => {
    const cases: [string, string, number][] = [
      ["", "", 0],
      ["", "abc", 3],
      ["put", "put", 0],
      ["pu", "put", 1],
      ["putt", "put", 1],
      ["pit", "put", 1],
      ["ptu", "put", 1],
      ["lgoin", "login", 1],
      ["kitten", "sitting", 3],
    ];
    for (const [a, b, distance] of cases) {
      assertEquals(editDistance(a, b), distance);
      assertEquals(editDistance(b, a), distance);
    }
  },
);

Deno.test(
  "nearest() guesses what was probably meant, or nothing",
  NO_IO,
  () => {
    const commands = [
      "serve",
      "register",
      "login",
      "logout",
      "passwd",
      "sessions",
      "ls",
      "put",
      "get",
    ];
    const cases: [string, string | undefined][] = [
      ["pit", "put"],
      ["PUT", "put"],
      ["sl", "ls"],
      ["lgoin", "login"],
      ["regis", "register"],
      ["servr", "serve"],
      ["password", "passwd"],
      ["session", "sessions"],
      ["upload", undefined],
      ["x", undefined],
      ["", undefined],
    ];
    for (const [word, guess] of cases) {
      assertEquals(nearest(word, commands), guess, word);
    }
  },
);
