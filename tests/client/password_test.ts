import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type PasswordOptions, readPassword } from "../../client/password.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { memoryOutput } from "../helpers/memory_output.ts";
import { TypedInput } from "../helpers/typed_input.ts";

interface Situation extends Partial<PasswordOptions> {
  input?: string | Uint8Array;
  terminal?: boolean;
  env?: string;
}

/** What readPassword() gives, and what stdin still holds. */
async function read(situation: Situation) {
  const { input, terminal = false, env, ...options } = situation;
  const stdin = new TypedInput(input === undefined ? [] : [input], terminal);
  const { output, system } = memoryOutput();
  const password = await readPassword(
    { stdin: false, prompt: "Password", confirm: false, ...options },
    {
      output,
      stdin,
      env: (name) => name === "NETDISK_PASSWORD_FILE" ? env : undefined,
    },
  );
  return { password, left: stdin.left, asked: system.stderr.text };
}

async function refusal(situation: Situation): Promise<NetdiskError> {
  return await assertRejects(() => read(situation), NetdiskError);
}

Deno.test("readPassword() takes the first line of stdin and leaves the rest", async () => {
  const cases: [string, string, string][] = [
    ["secret\n", "secret", ""],
    ["secret", "secret", ""],
    ["secret\r\nmore\n", "secret", "more\n"],
    [" spaces kept \n", " spaces kept ", ""],
    ["\ufeffsécret\n", "\ufeffsécret", ""],
    ["x".repeat(4095) + "\n", "x".repeat(4095), ""],
  ];
  for (const [input, password, left] of cases) {
    assertEquals(await read({ stdin: true, input }), {
      password,
      left,
      asked: "",
    });
  }
});

Deno.test("readPassword() refuses a stdin without a usable line", async () => {
  const cases: [string | Uint8Array, string][] = [
    ["", "password: standard input is empty"],
    ["\n", "password: standard input is empty"],
    [Uint8Array.of(0xff, 0x0a), "password: standard input is not UTF-8"],
    [
      "x".repeat(5000),
      "password: standard input has more than 4096 bytes in its first line",
    ],
  ];
  for (const [input, message] of cases) {
    const error = await refusal({ stdin: true, input });
    assertEquals([error.code, error.message], ["usage", message]);
  }
});

Deno.test("readPassword() takes the first line of a file, named by option or environment", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    await Deno.writeTextFile(a, "from a\nmore");
    await Deno.writeTextFile(b, "from b\r\n");
    const terminal = true;
    assertEquals((await read({ file: a, terminal })).password, "from a");
    assertEquals((await read({ env: b, terminal })).password, "from b");
    assertEquals((await read({ file: a, env: b })).password, "from a");
    const input = "from stdin\n";
    assertEquals(
      (await read({ stdin: true, env: b, input })).password,
      "from stdin",
    );
    await Deno.writeTextFile(a, "");
    assertEquals(
      (await refusal({ file: a })).message,
      `password: ${a} is empty`,
    );
    const missing = await refusal({ file: join(folder, "none") });
    assertEquals(missing.code, "not-found");
    assertEquals(missing.message, `${folder}/none: no such password file`);
    const broken = await refusal({ file: folder });
    assertEquals(broken.code, "local-io");
    assertEquals(broken.message, `${folder}: Is a directory`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readPassword() asks a terminal, twice for a new password", async () => {
  const terminal = true;
  assertEquals(await read({ terminal, input: "secret\r" }), {
    password: "secret",
    left: "",
    asked: "Password: \n",
  });
  assertEquals(await read({ terminal, input: "one\rone\r", confirm: true }), {
    password: "one",
    left: "",
    asked: "Password: \nThe same again: \n",
  });
  const error = await refusal({ terminal, input: "one\rtwo\r", confirm: true });
  assertEquals(error.message, "password: the two are not the same");
});

Deno.test("readPassword() hides what is typed even for --password-stdin", async () => {
  const { asked } = await read({ stdin: true, terminal: true, input: "a\r" });
  assertEquals(asked, "Password: \n");
});

Deno.test("readPassword() without terminal and options names the options", async () => {
  for (const env of [undefined, ""]) {
    const error = await refusal(env === undefined ? {} : { env });
    assertEquals(error.code, "usage");
    assertEquals(error.message, "password: there is no terminal to ask");
    assertEquals(error.hint, "use --password-stdin or --password-file FILE");
  }
});

Deno.test("readPassword() refuses two sources at once", async () => {
  const error = await refusal({ stdin: true, file: "x", input: "a\n" });
  assertEquals(error.code, "usage");
});
