import { assertEquals, assertThrows } from "@std/assert";
import { Config } from "../../client/config.ts";
import type { ServerChoice } from "../../client/server_choice.ts";
import { forgetSession, saveSession } from "../../client/session_store.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import type { ResponseOf } from "../../protocol/messages.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

function choiceOf(folder: string, host: string): ServerChoice {
  const address = `${host}:6375`;
  const link = { host, port: 6375 };
  return { link, address, config: new Config(folder), saved: undefined };
}

function sessionOf(
  user: string,
  token: string | null = user[0]!.repeat(43),
): ResponseOf<"session"> {
  return { type: "session", user, token, expires: 5 };
}

function saved(folder: string) {
  const { server, servers } = new Config(folder).read();
  return {
    server,
    servers: servers.map(({ address, user, sessions }) => [
      address,
      user,
      ...sessions.map(({ user, token, expires }) =>
        `${user} ${token[0]} ${expires}`
      ),
    ]),
  };
}

Deno.test(
  "saveSession() makes server and account the default ones",
  strict,
  () => {
    using folder = tempFolder();
    const { path } = folder;
    saveSession(choiceOf(path, "a"), "anna", sessionOf("anna"));
    saveSession(choiceOf(path, "b"), "ben", sessionOf("ben"));
    saveSession(choiceOf(path, "a"), "carl", sessionOf("carl"));
    assertEquals(saved(path), {
      server: "a:6375",
      servers: [["a:6375", "carl", "anna a 5", "carl c 5"], [
        "b:6375",
        "ben",
        "ben b 5",
      ]],
    });
  },
);

Deno.test(
  "saveSession() replaces the last session of the same user",
  strict,
  () => {
    using folder = tempFolder();
    const choice = choiceOf(folder.path, "a");
    saveSession(choice, "anna", sessionOf("anna"));
    saveSession(choice, "anna", sessionOf("anna", "n".repeat(43)));
    assertEquals(saved(folder.path).servers, [["a:6375", "anna", "anna n 5"]]);
  },
);

Deno.test("saveSession() gives the server its short name", strict, () => {
  using folder = tempFolder();
  const named = (host: string, newName: string) =>
    saveSession(
      { ...choiceOf(folder.path, host), newName },
      "anna",
      sessionOf("anna"),
    );
  const names = () =>
    new Config(folder.path).read().servers.map(({ name }) => name);
  assertEquals(named("a", "home")?.before, undefined);
  assertEquals(named("b", "home")?.before, "a:6375");
  assertEquals(names(), [undefined, "home"]);
  // Without one it keeps what it has.
  saveSession(choiceOf(folder.path, "b"), "ben", sessionOf("ben"));
  assertEquals(names(), [undefined, "home"]);
});

Deno.test("saveSession() refuses what was not asked for", strict, () => {
  using folder = tempFolder();
  const choice = choiceOf(folder.path, "a");
  const cases: [ResponseOf<"session">, string][] = [
    [sessionOf("anna", null), "the server gave no session token"],
    [sessionOf("ben"), "the server gave a session of another user"],
  ];
  for (const [session, message] of cases) {
    const error = assertThrows(
      () => saveSession(choice, "anna", session),
      NetdiskError,
    );
    assertEquals([error.code, error.message], ["protocol", message]);
  }
  assertEquals(saved(folder.path), { server: null, servers: [] });
});

Deno.test(
  "forgetSession() leaves the others, none of them the default",
  strict,
  () => {
    using folder = tempFolder();
    const choice = choiceOf(folder.path, "a");
    for (const user of ["anna", "ben", "carl"]) {
      saveSession(choice, user, sessionOf(user));
    }
    forgetSession(choice, "anna");
    assertEquals(saved(folder.path).servers, [
      ["a:6375", "carl", "ben b 5", "carl c 5"],
    ]);
    forgetSession(choice, "carl");
    assertEquals(saved(folder.path).servers, [["a:6375", null, "ben b 5"]]);
    forgetSession(choice, "ben");
    forgetSession(choice, "ben");
    assertEquals(saved(folder.path), {
      server: "a:6375",
      servers: [["a:6375", null]],
    });
  },
);
