import { assertEquals } from "@std/assert";
import { command as login } from "../../../client/commands/login.ts";
import { command as register } from "../../../client/commands/register.ts";
import type { Command } from "../../../client/command.ts";
import { WRONG_LOGIN } from "../../../protocol/credentials.ts";
import type { ResponseOf } from "../../../protocol/messages.ts";
import {
  type FakeServer,
  SERVER_HELLO,
  SESSION,
} from "../../helpers/fake_server.ts";
import { play, type Played } from "../../helpers/play.ts";
import { TypedInput } from "../../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const PASSWORD = "correct horse";
const INVITE = "i".repeat(22);
const GRANTED: ResponseOf<"session"> = {
  type: "session",
  user: "anna",
  token: "n".repeat(43),
  expires: 5,
};

/** Runs `netdisk COMMAND anna` of somebody without session, with a password on stdin. */
function run(
  command: Command,
  script: (server: FakeServer) => Promise<void>,
  { password = PASSWORD, argv = [] }: { password?: string; argv?: string[] } =
    {},
): Promise<Played & { left: string }> {
  const stdin = new TypedInput([password], false);
  return play(command, ["anna", "--password-stdin", ...argv], script, {
    greeting: true,
    stranger: true,
    stdin,
  }).then((played) => ({ ...played, left: stdin.left }));
}

/** Takes the greeting of a client without session. */
async function greet(
  server: FakeServer,
  change: Partial<ResponseOf<"hello">> = {},
): Promise<void> {
  await server.request("hello");
  await server.say({ ...SERVER_HELLO, ...change });
}

Deno.test("netdisk login keeps the session", strict, async () => {
  const { stdout, stderr, users, address, error } = await run(
    login,
    async (server) => {
      await greet(server);
      assertEquals(await server.request("login"), {
        type: "login",
        user: "anna",
        password: PASSWORD,
      });
      await server.say(GRANTED);
    },
  );
  assertEquals([stdout, error, users], ["", undefined, ["anna"]]);
  assertEquals(stderr, `netdisk: logged in to ${address} as anna\n`);
});

Deno.test("netdisk login tells what is new in the inbox", strict, async () => {
  for (const isThere of [true, false]) {
    const { stderr, users, error } = await run(login, async (server) => {
      await greet(server, { capabilities: ["parcels"] });
      await server.request("login");
      await server.say(GRANTED);
      await server.request("unread");
      // Who is logged in is so, whatever comes of that.
      if (isThere) await server.say({ type: "unread", count: 2 });
      else server.close();
    });
    assertEquals([error, users], [undefined, ["anna"]]);
    const notice = "netdisk: 2 new in your inbox: netdisk inbox\n";
    assertEquals(stderr.endsWith(notice), isThere);
  }
});

Deno.test(
  "netdisk login passes on that the password is wrong, and keeps nothing",
  strict,
  async () => {
    for (const registration of ["open", "invite", "closed"] as const) {
      const { error, users, address } = await run(login, async (server) => {
        await greet(server, { registration });
        await server.request("login");
        await server.refuse("denied", WRONG_LOGIN);
      });
      assertEquals([error?.code, users], ["denied", []]);
      const admin =
        "netdisk admin passwd anna, on the server's machine, sets a forgotten password anew";
      assertEquals(
        error?.hint,
        registration === "open"
          ? `netdisk register anna --server ${address} --plain makes an account; ${admin}`
          : admin,
      );
    }
  },
);

Deno.test(
  "netdisk register says how to use the account that there is",
  strict,
  async () => {
    const { error, address } = await run(register, async (server) => {
      await greet(server);
      await server.request("register");
      await server.refuse("exists");
    });
    assertEquals(
      [error?.code, error?.hint],
      [
        "exists",
        `if it is yours: netdisk login anna --server ${address} --plain`,
      ],
    );
  },
);

Deno.test(
  "netdisk login does not send what cannot be a password",
  strict,
  async () => {
    for (const password of ["short", "x".repeat(1025)]) {
      const { error } = await run(login, async (server) => {
        await greet(server);
        await server.left();
      }, { password });
      assertEquals(
        [error?.code, error?.message],
        ["denied", "wrong user name or password"],
      );
    }
  },
);

for (const command of [login, register]) {
  Deno.test(
    `netdisk ${command.name} refuses a name that is none before it connects`,
    strict,
    async () => {
      const { error, connections } = await play(
        command,
        ["Anna", "--password-stdin"],
        async () => {},
        { stranger: true },
      );
      assertEquals([error?.code, connections], ["bad-name", 0]);
    },
  );

  Deno.test(
    `netdisk ${command.name} reads no password for a server that is not there`,
    strict,
    async () => {
      const { error, left } = await run(
        command,
        async () => {},
        { argv: ["--server", "127.0.0.1:1"] },
      );
      assertEquals([error?.code, left], ["unreachable", PASSWORD]);
    },
  );

  Deno.test(
    `netdisk ${command.name} keeps no session that it did not ask for`,
    strict,
    async () => {
      for (const lie of [{ token: null }, { user: "ben" }]) {
        const { error, users } = await run(command, async (server) => {
          await greet(server);
          await server.next();
          await server.say({ ...GRANTED, ...lie });
        });
        assertEquals([error?.code, users], ["protocol", []]);
      }
    },
  );

  Deno.test(
    `netdisk ${command.name} fails when the connection ends instead of a session`,
    strict,
    async () => {
      const { error, users } = await run(command, async (server) => {
        await greet(server);
        await server.next();
      });
      assertEquals([error?.code, users], ["connection-lost", []]);
    },
  );
}

Deno.test(
  "netdisk login replaces the session that is there",
  strict,
  async () => {
    const { error, users } = await play(
      login,
      ["anna", "--password-stdin"],
      async (server) => {
        await greet(server);
        await server.request("login");
        await server.say(GRANTED);
      },
      { greeting: true, stdin: new TypedInput([PASSWORD], false) },
    );
    assertEquals([error, users], [undefined, [SESSION.user]]);
  },
);

Deno.test(
  "netdisk register makes an account where everybody may",
  strict,
  async () => {
    const { stderr, users, address, error } = await run(
      register,
      async (server) => {
        await greet(server);
        assertEquals(await server.request("register"), {
          type: "register",
          user: "anna",
          password: PASSWORD,
          invite: null,
        });
        await server.say(GRANTED);
      },
    );
    assertEquals([error, users], [undefined, ["anna"]]);
    assertEquals(
      stderr,
      `netdisk: registered anna on ${address} and logged in\n`,
    );
  },
);

for (
  const [registration, message, hinted] of [
    ["closed", "the server takes no registrations", false],
    ["invite", "the server registers by invite only", true],
  ] as const
) {
  Deno.test(
    `netdisk register does not ask for a password where registration is ${registration}`,
    strict,
    async () => {
      const { error, left, address } = await run(register, async (server) => {
        await greet(server, { registration });
        await server.left();
      });
      assertEquals(
        [error?.code, error?.message, left],
        ["denied", `${address}: ${message}`, PASSWORD],
      );
      assertEquals(
        error?.hint?.includes("netdisk register USER") ?? false,
        hinted,
      );
    },
  );
}

Deno.test("netdisk register shows the invite of its link", strict, async () => {
  const { error } = await run(register, async (server) => {
    await greet(server, { registration: "invite" });
    assertEquals((await server.request("register")).invite, INVITE);
    await server.say(GRANTED);
  }, { argv: ["--server", `netdisk://{address}#.${INVITE}`] });
  assertEquals(error, undefined);
});

Deno.test(
  "netdisk register refuses a bad password before it is sent",
  strict,
  async () => {
    for (
      const [password, message] of [
        ["short", "a password has at least 8 bytes"],
        ["x".repeat(1025), "a password has at most 1024 bytes"],
      ]
    ) {
      const { error } = await run(register, async (server) => {
        await greet(server);
        await server.left();
      }, { password: password! });
      assertEquals([error?.code, error?.message], ["denied", message]);
    }
  },
);
