import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../client/arguments.ts";
import type { Command } from "../../client/command.ts";
import { command as get } from "../../client/commands/get.ts";
import { command as ls } from "../../client/commands/ls.ts";
import { command as mv } from "../../client/commands/mv.ts";
import { command as put } from "../../client/commands/put.ts";
import { command as rm } from "../../client/commands/rm.ts";
import { command as sync } from "../../client/commands/sync.ts";
import {
  explainDoubt,
  type KnownServers,
  resolveRemoteNames,
  splitServer,
} from "../../client/remote_names.ts";
import { NetdiskError } from "../../protocol/errors.ts";

const KNOWN: KnownServers = {
  servers: [
    { address: "home.example:6375", name: "home" },
    { address: "work.example:7000", name: "work" },
    { address: "last.example:6375" },
  ],
  standard: "last.example",
};

function resolve(command: Command, line: string, known = KNOWN) {
  const values = parseArguments(command, line.split(" ").filter(Boolean));
  return resolveRemoteNames(command, values, () => known);
}

for (
  const [command, line, args, server] of [
    [ls, "home:", ["/"], "home"],
    [ls, "home:a/b", ["a/b"], "home"],
    [ls, "home:/a", ["/a"], "home"],
    [ls, "work:home:x", ["home:x"], "work"],
    [ls, "home:a:b", ["a:b"], "home"],
    [get, "home:a home:b", ["a", "b"], "home"],
    [mv, "home:a home:b home:c/", ["a", "b", "c/"], "home"],
    [sync, "dir home:dir", ["dir", "dir"], "home"],
    // Local, whatever it looks like.
    [sync, "home:dir work:dir", ["home:dir", "dir"], "work"],
    // Files.
    [ls, "./home:x", ["./home:x"], undefined],
    [ls, "/home:x", ["/home:x"], undefined],
    [ls, "a/home:x", ["a/home:x"], undefined],
    [ls, "Home:x", ["Home:x"], undefined],
    [ls, "h:x", ["h:x"], undefined],
    [ls, "{home,work}:x", ["{home,work}:x"], undefined],
    [ls, ":x", [":x"], undefined],
    [ls, "other:x", ["other:x"], undefined],
    [ls, "", [], undefined],
    // With what is said of the server as well.
    [get, "home:a --server home", ["a"], "home"],
    [get, "home:a b --server home", ["a", "b"], "home"],
    [get, "home:a --server home.example:6375", ["a"], "home.example:6375"],
  ] as const
) {
  Deno.test(`${command.name} ${line}`, () => {
    const { args: found, options } = resolve(command, line);
    assertEquals(found, [...args]);
    assertEquals(options.server, server);
  });
}

Deno.test("put --to takes a short name, and its files are local", () => {
  const { args, options } = resolve(put, "home:x - --to home:a/");
  assertEquals(args, ["home:x", "-"]);
  assertEquals([options.server, Reflect.get(options, "to")], ["home", "a/"]);
});

Deno.test("get --to is local", () => {
  const { options } = resolve(get, "home:a --to work:b");
  assertEquals([options.server, Reflect.get(options, "to")], [
    "home",
    "work:b",
  ]);
});

Deno.test("a path without a name is on the server of the others if that is meant anyway", () => {
  const known = { ...KNOWN, standard: "home" };
  const { args, options } = resolve(mv, "home:a b", known);
  assertEquals([args, options.server], [["a", "b"], "home"]);
});

for (
  const [command, line, fault] of [
    [
      mv,
      "home:a work:b",
      "mv: 'home:a' is on home and 'work:b' on work, but a command works on one server",
    ],
    [
      rm,
      "a home:b",
      "rm: 'home:b' is on home and 'a' on last.example:6375, but a command works on one server",
    ],
    [
      ls,
      "home:a --server work",
      "ls: 'home:a' is on home, and --server is work.example:7000",
    ],
    [
      ls,
      "home:a b --server other",
      "ls: 'home:a' is on home, and --server is other:6375",
    ],
  ] as const
) {
  Deno.test(`refused: ${command.name} ${line}`, () => {
    const error = assertThrows(() => resolve(command, line), NetdiskError);
    assertEquals([error.code, error.message], ["usage", fault]);
  });
}

Deno.test("nothing is read where nothing looks like a short name", () => {
  const never = () => {
    throw new Error("it was");
  };
  for (const path of ["a", "./a:b", "a/b:c", "C:x", "/", "ä:x"]) {
    const values = parseArguments(ls, [path]);
    assertEquals(resolveRemoteNames(ls, values, never).args, [path]);
  }
});

Deno.test("explainDoubt() guesses the name that was meant", () => {
  const missing = new NetdiskError("not-found", "hoem:a: no such file");
  const { doubt } = resolve(get, "hoem:a");
  const error = explainDoubt(missing, doubt!);
  assert(error instanceof NetdiskError);
  assertEquals(
    [error.code, error.message, error.hint],
    ["not-found", "hoem:a: no such file", "did you mean home:a?"],
  );
});

Deno.test("explainDoubt() says how a server gets a name", () => {
  const missing = new NetdiskError("not-found", "backup:a: no such file");
  const error = explainDoubt(missing, resolve(get, "backup:a").doubt!);
  assert(error instanceof NetdiskError);
  assertEquals(
    error.hint,
    "no server is called backup here; to change that: netdisk login USER --server backup=HOST",
  );
});

Deno.test("explainDoubt() of several files only has a guess", () => {
  const partial = new NetdiskError("partial", "1 of 2 files failed");
  const guessed = explainDoubt(partial, resolve(get, "a hoem:b").doubt!);
  assert(guessed instanceof NetdiskError);
  assertEquals(guessed.hint, "did you mean home:b?");
  const { doubt } = resolve(get, "a backup:b");
  assertEquals(explainDoubt(partial, doubt!), partial);
});

Deno.test("explainDoubt() leaves other failures, and hints, alone", () => {
  const { doubt } = resolve(get, "hoem:a");
  for (
    const error of [
      new NetdiskError("timeout", "x"),
      new NetdiskError("not-found", "x", { hint: "y" }),
      new TypeError("x"),
    ]
  ) {
    assertEquals(explainDoubt(error, doubt!), error);
  }
});

Deno.test("there is no doubt about what is saved, or a path", () => {
  for (const path of ["home:a", "./hoem:a", "a"]) {
    assertEquals(resolve(get, path).doubt, undefined);
  }
});

Deno.test("splitServer() takes off the short name of a server that is known", () => {
  const { servers } = KNOWN;
  const home = (path: string) => ({
    name: "home",
    address: "home.example:6375",
    path,
  });
  assertEquals(splitServer("home:", servers), home(""));
  assertEquals(splitServer("home:a/b:c", servers), home("a/b:c"));
  for (const path of ["", "home", "a/home:b", "other:b", "undefined:b"]) {
    assertEquals(splitServer(path, servers), undefined, path);
  }
});
