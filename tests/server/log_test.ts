import { assert, assertEquals } from "@std/assert";
import {
  flushLog,
  formatJsonLine,
  formatLogLine,
  logEvent,
  setLogFormat,
} from "../../server/log.ts";
import { replace } from "../helpers/faults.ts";
import { LogRecorder } from "./fixture.ts";

const TIME = new Date(Date.UTC(2026, 0, 31, 12));

function line(value: string): string {
  return formatLogLine(TIME, "put", { path: value });
}

Deno.test("a line has time, event and fields in their order", () => {
  assertEquals(
    formatLogLine(TIME, "put", {
      peer: "192.0.2.1:5000",
      user: undefined,
      path: "a b.txt",
      bytes: 7,
      executable: false,
    }),
    '2026-01-31T12:00:00.000Z put peer=192.0.2.1:5000 path="a b.txt" bytes=7 executable=false',
  );
  assertEquals(
    formatLogLine(TIME, "stopped", {}),
    `${TIME.toISOString()} stopped`,
  );
});

Deno.test("a long value is cut, in both formats", () => {
  const long = "x".repeat(5000);
  const cut = "x".repeat(256) + "…";
  assertEquals(line(long), `2026-01-31T12:00:00.000Z put path=${cut}`);
  const { path } = JSON.parse(formatJsonLine(TIME, "put", { path: long }));
  assertEquals(path, cut);
});

Deno.test("a long value is not cut within a character", () => {
  const value = `${"x".repeat(255)}🎉🎉`;
  const cut = "x".repeat(255) + "…";
  assertEquals(line(value), `2026-01-31T12:00:00.000Z put path=${cut}`);
  const { path } = JSON.parse(formatJsonLine(TIME, "put", { path: value }));
  assertEquals(path, cut);
});

Deno.test("plain values stand as they are, also those of other scripts", () => {
  for (
    const value of ["report.pdf", "a/b/c", "[::1]:6375", "报告.pdf", "é", "🎉"]
  ) {
    assertEquals(line(value), `2026-01-31T12:00:00.000Z put path=${value}`);
  }
});

Deno.test("values that could be taken for something else are quoted", () => {
  const cases: [string, string][] = [
    ["", '""'],
    ["a b", '"a b"'],
    ["a=b", '"a=b"'],
    ['a"b', '"a\\"b"'],
    ["a\\b", '"a\\\\b"'],
    ["a\nb", '"a\\nb"'],
    ["a\r\nb", '"a\\r\\nb"'],
    ["a\u2028b", '"a\\u2028b"'],
    ["a\u0085b", '"a\\u0085b"'],
  ];
  for (const [value, text] of cases) {
    assertEquals(line(value), `2026-01-31T12:00:00.000Z put path=${text}`);
  }
});

const HOSTILE = [
  "x\n2026-01-31T12:00:00.000Z login user=root",
  "\u001b[2J\u001b]0;title\u0007",
  "\u009b31m",
  "user\u202egnp.exe",
  "a\u2066b\u2069",
  "a\u061cb",
  "a\u200bb",
  "a\ufeffb",
  "a\u00adb",
  "a\u{e0041}b",
  "a\ud800b",
  "a\u0000b",
  "a\u007fb",
];

Deno.test("a value cannot make a second line, drive a terminal or hide", () => {
  for (const value of HOSTILE) {
    const text = line(value);
    const escaped = JSON.stringify(value);
    assert(text.includes('path="'), escaped);
    assert(!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text), escaped);
    // Nothing is lost: the line tells what the value was.
    assertEquals(JSON.parse(text.slice(text.indexOf("path=") + 5)), value);
  }
});

Deno.test("logEvent() writes a line whole, also in pieces", () => {
  using log = new LogRecorder();
  logEvent("put", { path: "報告" });
  assertEquals(log.lines(), ["put path=報告"]);
  const written: number[] = [];
  using _slow = replace(
    Deno.stderr,
    "writeSync",
    () => (bytes) => written.push(bytes[0]!) && 1,
  );
  logEvent("put", { path: "é" });
  flushLog();
  const text = new TextDecoder().decode(new Uint8Array(written));
  assertEquals(text.slice(text.indexOf(" ")), " put path=é\n");
});

Deno.test("a log that cannot be written stops nothing", () => {
  using _broken = replace(Deno.stderr, "writeSync", () => () => {
    throw new Deno.errors.BrokenPipe("gone");
  });
  logEvent("put");
  flushLog();
});

Deno.test("a line that a full disk has cut is followed by whole ones", () => {
  let text = "";
  let room = Infinity;
  using _disk = replace(Deno.stderr, "writeSync", () => (bytes) => {
    const some = bytes.subarray(0, room);
    if (some.length === 0) throw new Error("No space left on device");
    text += new TextDecoder().decode(some);
    room -= some.length;
    return some.length;
  });
  const put = (path: string) => {
    logEvent("put", { path });
    flushLog();
  };
  put("first");
  room = 40;
  put("cut".repeat(20));
  put("lost");
  room = Infinity;
  put("next");
  put("last");
  const lines = text.split("\n").map((line) => line.slice(25));
  assertEquals(lines, [
    "put path=first",
    "put path=cutcut",
    "put path=next",
    "put path=last",
    "",
  ]);
});

Deno.test("lines are written whole, in pieces that a pipe takes as one", () => {
  const pieces: string[] = [];
  using _stderr = replace(Deno.stderr, "writeSync", () => (bytes) => {
    assert(bytes.length <= 4096, `${bytes.length}`);
    pieces.push(new TextDecoder().decode(bytes));
    return bytes.length;
  });
  for (let n = 0; n < 1000; n++) logEvent("put", { path: "報告", n });
  flushLog();
  assert(pieces.length < 50, `${pieces.length}`);
  assert(pieces.every((piece) => piece.endsWith("\n")));
  assertEquals(
    pieces.join("").match(/^.* put path=報告 n=\d+$/gm)?.length,
    1000,
  );
});

Deno.test("in JSON a line is an object, numbers are numbers, and what is not known is left out", () => {
  const text = formatJsonLine(TIME, "put", {
    user: undefined,
    path: 'a "b".txt',
    bytes: 7,
    executable: false,
  });
  assertEquals(
    text,
    '{"time":"2026-01-31T12:00:00.000Z","event":"put","path":"a \\"b\\".txt","bytes":7,"executable":false}',
  );
});

Deno.test("in JSON, too, a value cannot make a second line, drive a terminal or hide", () => {
  for (const value of HOSTILE) {
    const text = formatJsonLine(TIME, "put", { path: value });
    assert(!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text), text);
    // Half a character would make readers refuse the line: jq does.
    assertEquals(JSON.parse(text).path, value.toWellFormed());
  }
});

Deno.test("setLogFormat() says how lines are from then on", () => {
  using log = new LogRecorder();
  logEvent("first", { n: 1 });
  try {
    setLogFormat("json");
    logEvent("second", { n: 2 });
  } finally {
    setLogFormat("text");
  }
  logEvent("third", { n: 3 });
  const [first, second, third] = log.text.trimEnd().split("\n");
  assert(first!.endsWith(" first n=1") && third!.endsWith(" third n=3"));
  const { time: _, ...rest } = JSON.parse(second!);
  assertEquals(rest, { event: "second", n: 2 });
});
