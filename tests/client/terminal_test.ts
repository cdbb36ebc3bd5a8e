// deno-lint-ignore-file no-control-regex -- terminals are told in control characters
/**
 * What the screen, the keyboard, pipes and signals do to the client, with driver.ts
 * as a real process, on a pseudo-terminal (util-linux `script`) where it needs one.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import stringWidth from "string-width";
import { until } from "../helpers/deadline.ts";
import { Process } from "../helpers/process.ts";
import { patternedBytes } from "./driver.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const COMPILED = Deno.env.get("NETDISK_TEST_DRIVER");
const DRIVER = COMPILED ? [COMPILED] : [
  ...[Deno.execPath(), "run", "-A", "--quiet"],
  ...["--config", join(ROOT, "deno.json")],
  join(ROOT, "tests/client/driver.ts"),
];

const ENV = {
  PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
  HOME: Deno.env.get("HOME") ?? "/",
  LANG: "C.UTF-8",
  TERM: "xterm",
  ...(Deno.env.has("DENO_DIR") ? { DENO_DIR: Deno.env.get("DENO_DIR")! } : {}),
};

const unixOnly = { ignore: Deno.build.os !== "linux" };
const withPython = { ignore: !await hasPython() };

/** A line drawn over the one before. */
const DRAWN = /\r\x1b\[\?7l(.*?)\x1b\[J\x1b\[\?7h\r/g;

function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

/** The driver as words for a shell. */
function driver(...args: string[]): string {
  return quote([...DRIVER, ...args]);
}

function shell(command: string): Process {
  return new Process(["bash", "-c", command], { cwd: "/", env: ENV });
}

/** A shell command on a terminal of its own; all it shows is the process's stdout. */
function terminal(command: string, columns = 80): Process {
  const whole = `stty cols ${columns}; ${command}`;
  return new Process(["script", "-qec", whole, "/dev/null"], {
    cwd: "/",
    env: { ...ENV, SHELL: "/bin/bash" },
    stdin: "piped",
  });
}

async function hasPython(): Promise<boolean> {
  try {
    const python = new Deno.Command("python3", { args: ["-c", ""] });
    return (await python.output()).success;
  } catch {
    return false;
  }
}

Deno.test("a password is asked for without showing it", unixOnly, async () => {
  await using process = terminal(
    `${driver("password", "--twice")}; echo status=$?; stty -a`,
  );
  await process.says("stdout", /Password: $/);
  await process.write("wrong\x15sécreX\x7ft\x1b[D\r");
  await process.says("stdout", /same again: $/);
  await process.write("\x1b[200~sécret\x1b[201~\r");
  const { stdout } = await process.outcome();
  assertMatch(
    stdout,
    /^Password: \r\nThe same again: \r\npassword="sécret"\r\nstatus=0\r\n/,
  );
  assertMatch(stdout, / icanon /);
  assertMatch(stdout, / echo /);
});

for (
  const [key, name, said, status] of [
    ["\x03", "Ctrl-C", "netdisk: interrupted", 130],
    ["\x04", "Ctrl-D", "netdisk: .*ended before anything was typed", 2],
  ] as const
) {
  Deno.test(
    `${name} at a password prompt gives the terminal back`,
    unixOnly,
    async () => {
      await using process = terminal(
        `NO_COLOR=1 ${driver("password")}; echo status=$?; stty -a`,
      );
      await process.says("stdout", /Password: $/);
      await process.write(key);
      const { stdout } = await process.outcome();
      const pattern = `^Password: \r\n${said}\r\nstatus=${status}\r\n`;
      assertMatch(stdout, new RegExp(pattern));
      assertMatch(stdout, / icanon /);
      assertMatch(stdout, / echo /);
    },
  );
}

Deno.test(
  "SIGTERM at a password prompt gives the terminal back",
  unixOnly,
  async () => {
    await using process = terminal(
      `sh -c ${quote([`echo pid=$$; exec ${driver("password")}`])}; ` +
        "echo status=$?; stty -a",
    );
    const [, pid] = await process.says("stdout", /pid=(\d+)[^]*Password: $/);
    Deno.kill(Number(pid), "SIGTERM");
    const { stdout } = await process.outcome();
    assertMatch(stdout, /netdisk: terminated\r\nstatus=143\r\n/);
    assertMatch(stdout, / icanon /);
    assertMatch(stdout, / echo /);
  },
);

Deno.test("a question is answered in full view", unixOnly, async () => {
  for (const [typed, answer] of [["yes\r", true], ["\r", false]] as const) {
    await using process = terminal(driver("ask"));
    await process.says("stdout", /Sure\? \[y\/N\] $/);
    await process.write(typed);
    const { stdout } = await process.outcome();
    const shown = typed.trim();
    assertEquals(stdout, `Sure? [y/N] ${shown}\r\nanswer=${answer}\r\n`);
  }
});

Deno.test(
  "progress fills its terminal and leaves a line at the end",
  unixOnly,
  async () => {
    for (const columns of [30, 80, 132]) {
      await using process = terminal(
        driver("move", "报告\x1b[2J-é.pdf", "--steps", "30"),
        columns,
      );
      const { stdout } = await process.outcome();
      const lines = Array.from(stdout.matchAll(DRAWN), ([, line]) => line!);
      assert(lines.length > 1);
      for (const line of lines) {
        assertEquals(
          stringWidth(line),
          columns - 1,
          line,
        );
      }
      const last = stdout.slice(stdout.lastIndexOf("\x1b[J") + 3);
      assertMatch(last, /^报告.*in \d+\.\ds\r\n$/);
    }
  },
);

Deno.test(
  "progress follows the terminal when it is resized",
  unixOnly,
  async () => {
    await using process = terminal(
      `tty; ${driver("move", "report.pdf", "--until-killed")}`,
    );
    const [, path] = await process.says("stdout", /(\/dev\/pts\/\d+)/);
    const lastWidth = () =>
      stringWidth([...process.stdout().matchAll(DRAWN)].at(-1)?.[1] ?? "");
    await until("a line of 79 columns", () => lastWidth() === 79);
    for (const columns of [40, 100]) {
      const stty = new Deno.Command("stty", {
        args: ["-F", path!, "cols", String(columns)],
      });
      assert((await stty.output()).success);
      await until(`a line for ${columns}`, () => lastWidth() === columns - 1);
    }
    await process.write("\x03");
    const { stdout } = await process.outcome();
    // The line is wiped before anything is said. It may have been drawn once more
    // between ^C, the terminal's own echo, and the signal.
    assertMatch(stdout, /\^C(\r.*\r)*\r\x1b\[Jnetdisk: interrupted\r\n/);
  },
);

Deno.test(
  "notices and lines do not tear the progress line",
  unixOnly,
  async () => {
    await using process = terminal(
      driver("move", "a", "--talk", "--steps", "40", "--pause", "10"),
    );
    const { stdout } = await process.outcome();
    const text = stdout.replaceAll(DRAWN, "").replaceAll("\r\x1b[J", "");
    assertMatch(
      text,
      /^(netdisk: notice \d+\r\nline \d+\r\n){4}a +100% .* in \d+\.\ds\r\n$/,
    );
  },
);

Deno.test(
  "progress is drawn as wide as the terminal when only stderr is one",
  unixOnly,
  async () => {
    await using process = terminal(
      `${driver("move", "a", "--steps", "20")} </dev/null | cat`,
      66,
    );
    const { stdout } = await process.outcome();
    const [first] = stdout.matchAll(DRAWN);
    assertEquals(stringWidth(first?.[1] ?? ""), 65);
  },
);

Deno.test("progress in a pipe is silent, or plain lines if wanted", async () => {
  await using silent = shell(driver("move", "a", "--pause", "1"));
  assertEquals(await silent.outcome(), { code: 0, stdout: "", stderr: "" });
  const args = ["move", "a", "--pause", "1", "--progress", "always"];
  await using plain = shell(driver(...args));
  const { stderr } = await plain.outcome();
  assertMatch(
    stderr,
    /^(a: [^\r\x1b]*\n)*a: 100%, 50\.0 MiB, .* in \d+\.\ds\n$/,
  );
});

Deno.test(
  "a reader that leaves ends the program quietly",
  unixOnly,
  async () => {
    for (const mode of ["", " --json"]) {
      await using process = shell(
        `${
          driver("lines", "100000")
        }${mode} | head -1; echo "\${PIPESTATUS[0]}"`,
      );
      const { stdout, stderr } = await process.outcome();
      assertEquals(stderr, "");
      assertMatch(stdout, /^.*\b1\b.*\n141\n$/);
    }
  },
);

Deno.test("lines are written as they are, with a result object last", async () => {
  await using text = shell(driver("lines", "2"));
  assertEquals(
    (await text.outcome()).stdout,
    "line 1 %s %d of many that are not short\n" +
      "line 2 %s %d of many that are not short\n",
  );
  await using json = shell(driver("lines", "1", "--json"));
  assertEquals(
    (await json.outcome()).stdout,
    '{"type":"line","version":1,"i":1}\n' +
      '{"type":"result","version":1,"exitCode":0}\n',
  );
});

Deno.test("a full disk behind stdout is an error", unixOnly, async () => {
  await using process = shell(`${driver("lines", "3")} >/dev/full`);
  assertEquals(await process.outcome(), {
    code: 1,
    stdout: "",
    stderr: "netdisk: error: standard output: No space left on device\n",
  });
});

/** Runs a command with a non-blocking pipe as stdout, which is read slowly. */
const NON_BLOCKING = `
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, fcntl.fcntl(w, fcntl.F_GETFL) | os.O_NONBLOCK)
child = subprocess.Popen(sys.argv[1:], stdout=w)
os.close(w)
time.sleep(0.3)
while data := os.read(r, 20000):
    sys.stdout.buffer.write(data)
    time.sleep(0.002)
sys.exit(child.wait())
`;

Deno.test(
  "a non-blocking stdout gets every byte once",
  withPython,
  async () => {
    const args = (
      ...words: string[]
    ) => ["python3", "-c", NON_BLOCKING, ...DRIVER, ...words];
    await using text = new Process(args("lines", "5000"), {
      cwd: "/",
      env: ENV,
    });
    const { code, stdout } = await text.outcome();
    assertEquals(code, 0);
    const numbers = Array.from(
      stdout.matchAll(/^line (\d+) /gm),
      ([, n]) => Number(n),
    );
    assertEquals(numbers, Array.from({ length: 5000 }, (_, i) => i + 1));

    const size = 777_777;
    await using raw = new Process(args("bytes", String(size)), {
      cwd: "/",
      env: ENV,
    });
    assertEquals((await raw.outcome()).code, 0);
    const bytes = await raw.stdoutBytes();
    assertEquals(bytes.length, size);
    assert(bytes.every((byte, i) => byte === patternedBytes(i, 1)[0]));
  },
);

for (
  const [signal, status, word] of [
    ["SIGINT", 130, "interrupted"],
    ["SIGTERM", 143, "terminated"],
  ] as const
) {
  Deno.test(
    `${signal} says so, tidies up and ends with ${status}`,
    unixOnly,
    async () => {
      const folder = await Deno.makeTempDir();
      try {
        const file = join(folder, "held");
        await using process = new Process([...DRIVER, "hold", file], {
          cwd: "/",
          env: ENV,
        });
        await process.says("stdout", /holding/);
        process.signal(signal);
        assertEquals(await process.outcome(), {
          code: status,
          stdout: "holding\n",
          stderr: `netdisk: ${word}\nnetdisk: removed\n`,
        });
        assertEquals([...Deno.readDirSync(folder)], []);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(
    `a second ${signal} ends it at once, whatever the first one waits for`,
    unixOnly,
    async () => {
      const folder = await Deno.makeTempDir();
      try {
        const pipe = join(folder, "pipe");
        await new Deno.Command("mkfifo", { args: [pipe] }).output();
        const file = join(folder, "held");
        await using process = new Process([...DRIVER, "hold", file, pipe], {
          cwd: "/",
          env: ENV,
        });
        await process.says("stdout", /holding/);
        process.signal(signal);
        await process.says("stderr", /removed/);
        process.signal(signal);
        assertEquals((await process.outcome()).code, signal);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

Deno.test("an error that no await sees is one line, too", async () => {
  await using process = shell(driver("fails", "unseen"));
  assertEquals(await process.outcome(), {
    code: 1,
    stdout: "",
    stderr:
      "netdisk: error: internal error: TypeError: nobody awaits this (this is a bug in netdisk)\n" +
      "netdisk: hint: NETDISK_DEBUG=1 shows where it happened\n",
  });
});
