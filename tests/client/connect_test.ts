import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { command as login } from "../../client/commands/login.ts";
import { command as register } from "../../client/commands/register.ts";
import { command as whoami } from "../../client/commands/whoami.ts";
import { Config, savedServer, type Trust } from "../../client/config.ts";
import type { Command } from "../../client/command.ts";
import { withGuess } from "../../client/connect.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { FakeServer, SERVER_HELLO, SESSION } from "../helpers/fake_server.ts";
import { invoke, type Ran } from "../helpers/invocation.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import {
  Loopback,
  socketCount,
  socketsClosed,
  type TestIdentity,
  testIdentity,
} from "../helpers/loopback.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { TestAuthority } from "../helpers/test_authority.ts";
import { TypedInput } from "../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const PASSWORD = "correct horse";
const NEW_TOKEN = "n".repeat(43);
const DAY_MS = 24 * 3600_000;
const authority = await TestAuthority.make();
const identity = await testIdentity();
const imposter = await testIdentity();

/** A server of a test, a client's config, and what was said. */
class Scene implements AsyncDisposable {
  readonly server: Loopback;
  readonly config: Config;
  /** The requests that came, one list a connection that said anything. */
  readonly heard: string[][] = [];
  #sockets = socketCount();
  #folder = tempFolder();

  constructor(shown: TestIdentity | undefined, host = "127.0.0.1") {
    this.config = new Config(join(this.#folder.path, "config"));
    this.server = new Loopback(
      (connection) => this.#serve(connection),
      { identity: shown, hostname: host },
    );
  }

  get folder(): string {
    return this.#folder.path;
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** Answers hello, authenticate, login and register, as long as they come. */
  async #serve(connection: Deno.Conn): Promise<void> {
    const server = new FakeServer(connection);
    const heard: string[] = [];
    for (;;) {
      const request = await server.next();
      if (request === null || request instanceof Uint8Array) return;
      if (heard.push(request.type) === 1) this.heard.push(heard);
      if (request.type === "hello") {
        await server.say(SERVER_HELLO);
      } else if (request.type === "authenticate") {
        await server.say({ ...SESSION, type: "session", token: null });
      } else if (request.type === "login" || request.type === "register") {
        assertEquals([request.user, request.password], ["anna", PASSWORD]);
        await server.say({ ...SESSION, type: "session", token: NEW_TOKEN });
      } else {
        return;
      }
    }
  }

  /** Lets the config know this server, with a session on it. */
  remember(trust: Trust | null, address = this.address): void {
    this.config.update((data) => {
      const server = savedServer(data, address);
      server.trust = trust;
      server.user = SESSION.user;
      server.sessions = [SESSION];
      data.server = address;
    });
  }

  saved(address = this.address) {
    const { servers } = this.config.read();
    const server = servers.find((server) => server.address === address);
    return {
      trust: server?.trust ?? null,
      tokens: server?.sessions.map(({ token }) => token) ?? [],
    };
  }

  run(
    command: Command,
    argv: readonly string[],
    stdin?: TypedInput,
  ): Promise<Ran> {
    const env = { NETDISK_CONFIG_DIR: join(this.folder, "config") };
    return invoke(command, argv, stdin ? { env, stdin } : { env });
  }

  whoami(...argv: string[]): Promise<Ran> {
    return this.run(whoami, argv);
  }

  login(...argv: string[]): Promise<Ran> {
    return this.run(
      login,
      ["anna", "--password-stdin", ...argv],
      new TypedInput([PASSWORD], false),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await socketsClosed(this.#sockets);
    this.#folder[Symbol.dispose]();
  }
}

function pinOf({ fingerprint, certificate }: TestIdentity): Trust {
  return { kind: "pin", fingerprint, certificate };
}

/** The pin of an identity as a client keeps it: one certificate, in lines of 64. */
function pinned(trust: Trust | null): string | undefined {
  return trust?.kind === "pin" ? trust.fingerprint : trust?.kind;
}

function linkOf(scene: Scene, fingerprint: string, host = "127.0.0.1"): string {
  return `netdisk://${host}:${scene.server.port}#${fingerprint}`;
}

Deno.test(
  "A pinned server gets one connection, and no word about it",
  strict,
  async () => {
    await using scene = new Scene(identity);
    scene.remember(pinOf(identity));
    const { stdout, stderr, error } = await scene.whoami();
    assertEquals(
      [stdout, stderr, error],
      [`anna@${scene.address}\n`, "", undefined],
    );
    assertEquals(scene.server.accepted, 1);
    assertEquals(scene.heard, [["hello", "authenticate"]]);
  },
);

Deno.test(
  "A new server on this machine is remembered, with a notice",
  strict,
  async () => {
    await using scene = new Scene(identity);
    const first = await scene.login("--server", scene.address);
    assertEquals(first.error, undefined);
    assertEquals(
      first.stderr,
      `netdisk: ${scene.address}: new server, its fingerprint ${identity.fingerprint} is remembered\n` +
        `netdisk: logged in to ${scene.address} as anna\n`,
    );
    assertEquals(pinned(scene.saved().trust), identity.fingerprint);
    assertEquals(scene.saved().tokens, [NEW_TOKEN]);
    const accepted = scene.server.accepted;
    assertEquals((await scene.whoami()).stderr, "");
    assertEquals(scene.server.accepted, accepted + 1);
  },
);

Deno.test(
  "A new server is known by the fingerprint of its link",
  strict,
  async () => {
    await using scene = new Scene(identity);
    const link = linkOf(scene, identity.fingerprint);
    const { stderr, error } = await scene.login("--server", link);
    assertEquals(error, undefined);
    assertEquals(stderr, `netdisk: logged in to ${scene.address} as anna\n`);
    assertEquals(pinned(scene.saved().trust), identity.fingerprint);
  },
);

Deno.test(
  "A new server that is not the one of the link hears nothing",
  strict,
  async () => {
    await using scene = new Scene(imposter);
    for (const argv of [[], ["--accept-new"]]) {
      const link = linkOf(scene, identity.fingerprint);
      const { error } = await scene.login("--server", link, ...argv);
      assertEquals(
        [error?.code, error?.message],
        [
          "identity",
          `${scene.address}: the server is not the one of the link (its fingerprint is ${imposter.fingerprint})`,
        ],
      );
    }
    assertEquals(scene.heard, []);
    assertEquals(scene.config.read().servers, []);
  },
);

Deno.test(
  "A new server elsewhere is refused, asked about, or accepted unseen",
  strict,
  async () => {
    // Not a name of this machine, though it leads here.
    const host = "0.0.0.0";
    const cases: [string[], TypedInput, boolean][] = [
      [[], new TypedInput([], false), false],
      [[], new TypedInput(["n\n"]), false],
      [[], new TypedInput(["\n"]), false],
      [[], new TypedInput([]), false],
      [[], new TypedInput(["y\n", `${PASSWORD}\r`]), true],
      [
        ["--accept-new", "--password-stdin"],
        new TypedInput([PASSWORD], false),
        true,
      ],
    ];
    for (const [argv, stdin, accepted] of cases) {
      await using scene = new Scene(identity);
      const address = `${host}:${scene.server.port}`;
      const { stderr, error } = await scene.run(
        login,
        ["anna", "--server", address, ...argv],
        stdin,
      );
      assertEquals(error?.code, accepted ? undefined : "identity");
      const said = `${stderr} ${error?.message}`;
      assertEquals(said.includes(identity.fingerprint), true, said);
      assertEquals(
        scene.heard,
        accepted ? [["hello", "login"]] : [],
      );
      const { trust } = scene.saved(address);
      assertEquals(pinned(trust), accepted ? identity.fingerprint : undefined);
    }
  },
);

Deno.test(
  "A server that is not the pinned one hears nothing",
  strict,
  async () => {
    await using scene = new Scene(imposter);
    const other = await testIdentity();
    scene.remember(pinOf(other));
    const before = scene.config.read();
    const commands = [
      () => scene.whoami(),
      () => scene.whoami("--accept-new"),
      () => scene.login(),
      () => scene.login("--accept-new"),
      () => scene.login("--server", linkOf(scene, other.fingerprint)),
      () =>
        scene.run(
          register,
          ["anna", "--password-stdin"],
          new TypedInput([PASSWORD], false),
        ),
    ];
    for (const command of commands) {
      const { error } = await command();
      assertEquals(
        [error?.code, error?.message],
        [
          "identity",
          `${scene.address}: THE SERVER'S IDENTITY HAS CHANGED, or somebody is in between: ` +
          `${other.fingerprint} is remembered, it shows ${imposter.fingerprint}`,
        ],
      );
      assertEquals(error?.hint?.includes("netdisk login NAME --server"), true);
    }
    assertEquals(scene.heard, []);
    assertEquals(scene.config.read(), before);
  },
);

Deno.test(
  "A link for another identity is refused without a connection",
  strict,
  async () => {
    for (
      const trust of [
        pinOf(identity),
        { kind: "authority", certificate: null } as const,
      ]
    ) {
      await using scene = new Scene(identity);
      scene.remember(trust);
      const { error } = await scene.whoami(
        "--server",
        linkOf(scene, imposter.fingerprint),
      );
      const remembered = trust.kind === "pin"
        ? identity.fingerprint
        : "an authority's signature";
      assertEquals(
        [error?.code, error?.message],
        [
          "identity",
          `${scene.address}: the link is for another identity (${imposter.fingerprint}) than the one that is remembered (${remembered})`,
        ],
      );
      assertEquals(scene.server.accepted, 0);
    }
  },
);

for (const command of [login, register]) {
  Deno.test(
    `netdisk ${command.name} takes a link for another identity as an order, and drops the old sessions`,
    strict,
    async () => {
      await using scene = new Scene(identity);
      scene.remember(pinOf(imposter));
      scene.config.update((data) => {
        savedServer(data, "other:1").sessions = [SESSION];
        const ben = { ...SESSION, user: "ben" };
        savedServer(data, scene.address).sessions.push(ben);
      });
      const link = linkOf(scene, identity.fingerprint);
      const { error } = await scene.run(
        command,
        ["anna", "--password-stdin", "--server", link],
        new TypedInput([PASSWORD], false),
      );
      assertEquals(error, undefined);
      assertEquals(pinned(scene.saved().trust), identity.fingerprint);
      assertEquals(scene.saved().tokens, [NEW_TOKEN]);
      assertEquals(scene.saved("other:1").tokens, [SESSION.token]);
      assertEquals((await scene.whoami()).error, undefined);
    },
  );
}

Deno.test(
  "A link that is not the server's changes nothing of what is remembered",
  strict,
  async () => {
    await using scene = new Scene(identity);
    scene.remember(pinOf(identity));
    const before = scene.config.read();
    const link = linkOf(scene, imposter.fingerprint);
    const { error } = await scene.login("--server", link);
    assertEquals(error?.code, "identity");
    assertEquals(scene.heard, []);
    assertEquals(scene.config.read(), before);
  },
);

Deno.test(
  "A link for the pinned identity keeps the sessions",
  strict,
  async () => {
    await using scene = new Scene(identity);
    scene.remember(pinOf(identity));
    const link = linkOf(scene, identity.fingerprint);
    assertEquals((await scene.whoami("--server", link)).error, undefined);
    assertEquals(scene.saved().tokens, [SESSION.token]);
  },
);

Deno.test(
  "A pinned certificate that does not hold is not called another one",
  strict,
  async () => {
    const files = await authority.sign(
      "netdisk",
      new Date(Date.now() - DAY_MS),
    );
    const expired = await testIdentity(files);
    await using scene = new Scene(expired);
    scene.remember(pinOf(expired));
    const { error } = await scene.whoami();
    assertEquals(
      [error?.code, error?.message],
      ["identity", `${scene.address}: the server's certificate has expired`],
    );
    assertEquals(scene.heard, []);
  },
);

/** A server that an authority vouches for, and the authority's file. */
async function signedScene(name: string, expires?: Date) {
  const scene = new Scene(
    await testIdentity(await authority.sign(name, expires)),
    "localhost",
  );
  const cacert = join(scene.folder, "ca.pem");
  Deno.writeTextFileSync(cacert, authority.certificate);
  return { scene, cacert, address: `localhost:${scene.server.port}` };
}

Deno.test("--cacert is remembered", strict, async () => {
  const { scene: it, cacert, address } = await signedScene("localhost");
  await using scene = it;
  const argv = ["--server", address, "--cacert", cacert];
  const { stderr, error } = await scene.login(...argv);
  assertEquals(error, undefined);
  assertEquals(stderr, `netdisk: logged in to ${address} as anna\n`);
  assertEquals(scene.saved(address), {
    trust: { kind: "authority", certificate: authority.certificate },
    tokens: [NEW_TOKEN],
  });
  assertEquals((await scene.whoami()).error, undefined);
  assertEquals((await scene.whoami(...argv)).error, undefined);
  assertEquals(scene.saved(address).tokens, [NEW_TOKEN]);
});

Deno.test(
  "A server of an authority that is not known hears nothing",
  strict,
  async () => {
    const other = await TestAuthority.make();
    for (const remembered of [null, other]) {
      const { scene: it, address } = await signedScene("localhost");
      await using scene = it;
      if (remembered) {
        const { certificate } = remembered;
        scene.remember({ kind: "authority", certificate }, address);
      }
      const { error } = await scene.login("--server", address, "--accept-new");
      assertEquals(
        [error?.code, error?.message, error?.hint],
        [
          "identity",
          `${address}: the server's certificate is signed by an authority that is not known`,
          "give the authority's certificate with --cacert FILE",
        ],
      );
      assertEquals(scene.heard, []);
    }
  },
);

Deno.test(
  "A server of a known authority says why its certificate is refused",
  strict,
  async () => {
    const cases: [string, Date | undefined, string][] = [
      ["disk.example", undefined, "is for another name"],
      ["localhost", new Date(Date.now() - DAY_MS), "has expired"],
      ["localhost", new Date(Date.now() + 5 * DAY_MS), "is not valid yet"],
    ];
    for (const [name, expires, reason] of cases) {
      const { scene: it, cacert, address } = await signedScene(name, expires);
      await using scene = it;
      const { error } = await scene.login(
        ...["--server", address, "--cacert", cacert],
      );
      assertEquals(
        [error?.code, error?.message],
        ["identity", `${address}: the server's certificate ${reason}`],
      );
      assertEquals(scene.heard, []);
      assertEquals(scene.saved(address).trust, null);
    }
  },
);

Deno.test("--cacert replaces a pin at login only", strict, async () => {
  const { scene: it, cacert, address } = await signedScene("localhost");
  await using scene = it;
  scene.remember(pinOf(imposter), address);
  const argv = ["--cacert", cacert];
  assertEquals((await scene.whoami(...argv)).error?.code, "identity");
  assertEquals(pinned(scene.saved(address).trust), imposter.fingerprint);
  assertEquals(scene.heard, []);
  assertEquals((await scene.login(...argv)).error, undefined);
  assertEquals(pinned(scene.saved(address).trust), "authority");
  assertEquals(scene.saved(address).tokens, [NEW_TOKEN]);
});

Deno.test("--cacert names the file that it cannot use", strict, async () => {
  await using scene = new Scene(identity);
  const file = join(scene.folder, "ca.pem");
  scene.remember(null);
  const missing = await scene.whoami("--cacert", file);
  assertEquals(
    [missing.error?.code, missing.error?.message],
    ["not-found", `--cacert ${file}: no such file or folder`],
  );
  Deno.writeTextFileSync(file, identity.key);
  const { error } = await scene.whoami("--cacert", file);
  assertEquals(
    [error?.code, error?.message],
    ["local-io", `--cacert ${file}: it holds no certificate (PEM)`],
  );
  assertEquals(scene.server.accepted, 0);
});

Deno.test(
  "A fingerprint that would not be checked is refused",
  strict,
  async () => {
    await using scene = new Scene(identity);
    scene.remember(null);
    const server = ["--server", linkOf(scene, identity.fingerprint)];
    for (const argv of [["--plain"], ["--cacert", "ca.pem"]]) {
      const { error } = await scene.whoami(...server, ...argv);
      assertEquals(
        [error?.code, error?.message],
        [
          "usage",
          `${argv[0]} and a link with a fingerprint exclude each other`,
        ],
      );
    }
    assertEquals(scene.server.accepted, 0);
  },
);

Deno.test(
  "--plain talks to a plain server, and remembers no identity",
  strict,
  async () => {
    await using scene = new Scene(undefined);
    const { error } = await scene.login("--plain", "--server", scene.address);
    assertEquals(error, undefined);
    assertEquals(scene.saved(), { trust: null, tokens: [NEW_TOKEN] });
  },
);

Deno.test(
  "A server that is known by its certificate hears nothing with --plain",
  strict,
  async () => {
    await using scene = new Scene(undefined);
    for (
      const trust of [
        pinOf(identity),
        { kind: "authority", certificate: null } as const,
      ]
    ) {
      scene.remember(trust);
      const { error } = await scene.whoami("--plain");
      assertEquals([error?.code, error?.hint], [
        "identity",
        "leave out --plain",
      ]);
    }
    assertEquals(scene.heard, []);
  },
);

Deno.test(
  "A plain server hears nothing but TLS without --plain",
  strict,
  async () => {
    await using scene = new Scene(undefined);
    const { error } = await scene.login("--server", scene.address);
    assertEquals(
      [error?.code, error?.hint],
      ["unreachable", "a server that serves plain TCP needs --plain"],
    );
    assertEquals(scene.heard, []);
  },
);

Deno.test(
  "Of localhost the address is named at which there is a server",
  strict,
  async () => {
    await using scene = new Scene(undefined);
    const { port } = scene.server;
    const { error } = await scene.login("--server", `localhost:${port}`);
    assertMatch(
      `${error?.message}`,
      new RegExp(`^127\\.0\\.0\\.1:${port}: no TLS handshake: `),
    );
  },
);

Deno.test(
  "No connection stays open when the server cannot be remembered",
  strict,
  async () => {
    await using scene = new Scene(identity);
    scene.config.update(() => {});
    using disk = new DiskRecorder(scene.folder);
    disk.fail(/^rename/, "ENOSPC");
    const { error } = await scene.login("--server", scene.address);
    assertEquals(error?.code, "local-io");
    assertEquals(scene.heard, []);
  },
);

Deno.test(
  "A password may take longer than a connection without a session lasts",
  strict,
  async () => {
    for (const command of [login, register]) {
      await using scene = new Scene(identity);
      using clock = new LeapClock();
      const stdin = new TypedInput([`${PASSWORD}\r`, `${PASSWORD}\r`]);
      const read = stdin.read.bind(stdin);
      stdin.read = (into) => {
        clock.leap(19_000);
        return read(into);
      };
      const { stderr, error } = await scene.run(
        command,
        ["anna", "--server", scene.address],
        stdin,
      );
      assertEquals(error, undefined);
      assertEquals(scene.heard, [["hello"], ["hello", command.name]]);
      assertEquals(stderr.split("is remembered").length, 2, "said once");
    }
  },
);

Deno.test("withGuess() says which short name was meant, of a host that is not there", () => {
  const hint = (code: "unreachable" | "identity", guess?: string) => {
    const error = new NetdiskError(code, "hoem:6375: cannot connect");
    const { hint } = withGuess(error, {
      saved: undefined,
      guess,
    }) as NetdiskError;
    return hint;
  };
  assertEquals(hint("unreachable", "home"), "did you mean --server home?");
  assertEquals(hint("unreachable"), undefined);
  assertEquals(hint("identity", "home"), undefined);
  const bug = new TypeError("x");
  assertEquals(withGuess(bug, { saved: undefined, guess: "home" }), bug);
});
