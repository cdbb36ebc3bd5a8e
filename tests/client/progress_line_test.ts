import { assert, assertEquals } from "@std/assert";
import stringWidth from "string-width";
import { loadTextWidth } from "../../client/text_width.ts";
import {
  type ProgressView,
  renderPlainProgress,
  renderProgress,
} from "../../client/progress_line.ts";

const MIB = 1024 * 1024;

function view(change: Partial<ProgressView> = {}): ProgressView {
  return {
    name: "report.pdf",
    done: 30.5 * MIB,
    total: 50 * MIB,
    rate: 12.3 * MIB,
    elapsedMs: 2500,
    ...change,
  };
}

/** Asserts what a view looks like at each width; the text's own length is the width. */
function assertLines(change: Partial<ProgressView>, lines: string[]): void {
  for (const line of lines) {
    assertEquals(renderProgress(view(change), stringWidth(line)), line);
  }
}

await loadTextWidth();

Deno.test("renderProgress() leaves out the bar, then the time, then the rate, then the bytes", () => {
  assertLines({}, [
    "report.pdf                                     61%  [================>          ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "report.pdf             61%  [======>    ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "report.pdf     61%  [======>   ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "report.pdf                  61%  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "report.pdf                61%  30.5/50.0 MiB  12.3 MiB/s",
    "report.pdf     61%  30.5/50.0 MiB  12.3 MiB/s",
    "report.pdf            61%  30.5/50.0 MiB",
    "report.pdf     61%",
    "repo….pdf   61%",
    "61%       ",
    "6…",
    "",
  ]);
});

Deno.test("renderProgress() puts a phase in the place of rate and time, and keeps it", () => {
  assertLines({ phase: "resuming at 61%", stalled: true }, [
    "report.pdf             61%  [======>    ]  30.5/50.0 MiB         resuming at 61%",
    "report.pdf        61%  30.5/50.0 MiB         resuming at 61%",
    "report.pdf     61%  30.5/50.0 MiB  resuming at 61%",
    "report.pdf          61%  resuming at 61%",
    "report.pdf     resuming at 61%",
  ]);
});

Deno.test("renderProgress() says stalled", () => {
  assertLines({ stalled: true }, [
    "report.pdf             61%  [======>    ]  30.5/50.0 MiB                 stalled",
    "repo…pdf  stalled",
  ]);
});

Deno.test("renderProgress() without a total shows bytes, rate and time gone by", () => {
  assertLines({ total: undefined }, [
    "report.pdf                                      30.5 MiB  12.3 MiB/s        2.5s",
    "report.pdf          30.5 MiB  12.3 MiB/s",
    "report.pdf      30.5 MiB",
  ]);
});

Deno.test("renderProgress() ends with the average and the time it took", () => {
  assertLines({ done: 50 * MIB, finished: true }, [
    "report.pdf            100%  [===========]       50.0 MiB  12.3 MiB/s     in 2.5s",
    "report.pdf        12.3 MiB/s     in 2.5s",
    "report.pdf       in 2.5s",
  ]);
});

Deno.test("renderProgress() counts files", () => {
  const name = "photos/2024/IMG_1234.jpg";
  assertLines({ name, files: { done: 812, total: 20_000 } }, [
    "812/20 000 files  photos/2024/IMG_1234.jpg     61%  [================>          ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "812/20 000 files       61%  [======>    ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02",
    "812/20 000 files           61%",
  ]);
  assertLines({ name, files: { done: 812 }, total: undefined }, [
    "812 files  photos/2024/IMG_1234.jpg             30.5 MiB  12.3 MiB/s        2.5s",
  ]);
});

Deno.test("renderProgress() never cuts the count of files for rate or bar", () => {
  const files = { done: 1344, total: 54_321 };
  for (let width = 30; width <= 120; width++) {
    const line = renderProgress(view({ files }), width);
    assertEquals(line.startsWith("1 344/54 321 files "), true, line);
  }
});

Deno.test("renderProgress() keeps odd numbers in their columns", () => {
  assertLines({ done: 0, rate: undefined }, [
    "report.pdf              0%  [           ]  0.00/50.0 MiB                        ",
  ]);
  assertLines({ done: 1, rate: 0 }, [
    "report.pdf              0%  [>          ]  0.00/50.0 MiB       0 B/s   ETA --:--",
  ]);
  assertLines({ done: 0, total: 0, rate: 0 }, [
    "report.pdf            100%  [===========]          0/0 B       0 B/s    ETA 0:00",
  ]);
  assertLines({ done: 60 * MIB }, [
    "report.pdf            100%  [===========]  60.0/50.0 MiB  12.3 MiB/s    ETA 0:00",
  ]);
  assertLines({ done: 50 * MIB - 1 }, [
    "report.pdf             99%  [==========>]  50.0/50.0 MiB  12.3 MiB/s    ETA 0:01",
  ]);
});

Deno.test("renderProgress() is exactly as wide as asked, whatever it shows", () => {
  const names = [
    "a",
    "报告.pdf",
    "e\u0301te\u0301.txt",
    "👨‍👩‍👧🇩🇪".repeat(30),
    "\x1b[2J\n",
  ];
  const changes: Partial<ProgressView>[] = [
    {},
    { total: undefined },
    { phase: "resuming at 61%" },
    { stalled: true },
    { finished: true },
    { files: { done: 812, total: 20_000 } },
    { done: 0, rate: undefined },
    { done: 1e15, total: 9e15, rate: 1 },
    { done: 1, total: 9e15, rate: 0.001, elapsedMs: 1e12 },
  ];
  for (const name of names) {
    for (const change of changes) {
      for (let width = 0; width < 250; width++) {
        const line = renderProgress(view({ ...change, name }), width);
        assertEquals(stringWidth(line), width);
        // deno-lint-ignore no-control-regex -- control characters are what it looks for
        assert(!/[\x00-\x1f]/.test(line));
      }
    }
  }
});

Deno.test("renderProgress() keeps the columns of narrow and wide names together", () => {
  const columns = ["report.pdf", "报告.pdf", "é", "👨‍👩‍👧"].map((name) => {
    const line = renderProgress(view({ name }), 80);
    return stringWidth(line.slice(0, line.indexOf("61%")));
  });
  assertEquals(columns, [23, 23, 23, 23]);
});

Deno.test("renderPlainProgress() says the same without columns", () => {
  const cases: [Partial<ProgressView>, string][] = [
    [{}, "report.pdf: 61%, 30.5/50.0 MiB, 12.3 MiB/s, ETA 0:02"],
    [{ phase: "verifying" }, "report.pdf: 61%, 30.5/50.0 MiB, verifying"],
    [{ stalled: true }, "report.pdf: 61%, 30.5/50.0 MiB, stalled"],
    [{ total: undefined }, "report.pdf: 30.5 MiB, 12.3 MiB/s, 2.5s"],
    [{ rate: undefined }, "report.pdf: 61%, 30.5/50.0 MiB"],
    [
      { done: 50 * MIB, finished: true },
      "report.pdf: 100%, 50.0 MiB, 12.3 MiB/s, in 2.5s",
    ],
    [
      { name: "a\n.jpg", files: { done: 812, total: 20_000 } },
      "812/20 000 files, a\\n.jpg: 61%, 30.5/50.0 MiB, 12.3 MiB/s, ETA 0:02",
    ],
  ];
  for (const [change, line] of cases) {
    assertEquals(renderPlainProgress(view(change)), line);
  }
});

Deno.test("renderProgress() says that there are more files than are known", () => {
  const files = { done: 812, total: 20_000 };
  const of = (files: ProgressView["files"]) =>
    renderPlainProgress(view({ files, total: undefined, rate: undefined }));
  assertEquals(of(files), "812/20 000 files, report.pdf: 30.5 MiB, 2.5s");
  assertEquals(
    of({ ...files, isOpen: true }),
    "812/20 000+ files, report.pdf: 30.5 MiB, 2.5s",
  );
});
