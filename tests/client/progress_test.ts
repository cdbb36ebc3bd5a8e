import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  Progress,
  type ProgressClock,
  ProgressMeter,
  progressStyle,
} from "../../client/progress.ts";
import { memoryOutput } from "../helpers/memory_output.ts";

const NO_IO = { permissions: "none" } as const;
const MIB = 1024 * 1024;

/** A clock that stands still until it is told otherwise. */
class HeldClock implements ProgressClock {
  time = 1_000_000;
  stopped = 0;
  #callbacks: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  every(_ms: number, callback: () => void): () => void {
    this.#callbacks.push(callback);
    return () => this.stopped++;
  }

  /** Lets time pass, then the timer fire. */
  pass(ms: number): void {
    this.time += ms;
    for (const callback of this.#callbacks) callback();
  }
}

Deno.test("ProgressMeter gives no rate before it can know one", NO_IO, () => {
  const meter = new ProgressMeter({ name: "a", total: 100 }, 0);
  meter.add(50);
  for (const now of [0, 100, 200, 499]) {
    meter.sample(now);
    assertEquals(meter.view(now).rate, undefined);
  }
  meter.sample(500);
  assertEquals(meter.view(500).rate, 100);
});

Deno.test(
  "ProgressMeter gives the rate of the last three seconds",
  NO_IO,
  () => {
    const meter = new ProgressMeter({ name: "a" }, 0);
    for (let now = 100; now <= 10_000; now += 100) {
      meter.add(now <= 5000 ? 1000 : 100);
      meter.sample(now);
      const { rate } = meter.view(now);
      if (now >= 500 && now <= 5000) assertEquals(rate, 10_000);
      if (now >= 8000) assertEquals(rate, 1000);
    }
  },
);

Deno.test(
  "ProgressMeter does not count what was skipped as transferred",
  NO_IO,
  () => {
    const meter = new ProgressMeter({ name: "a", total: 1000 }, 0);
    meter.sample(1000);
    meter.moveTo(600, 2000);
    meter.add(100);
    meter.sample(3000);
    assertEquals(meter.view(3000).done, 700);
    assertEquals(meter.view(3000).rate, 100);
    assertEquals(meter.finalView(4000).rate, 25);
    meter.moveTo(0, 5000);
    assertEquals(meter.finalView(5000).done, 0);
    assertEquals(meter.finalView(5000).rate, 20);
  },
);

Deno.test(
  "ProgressMeter calls five seconds without a byte stalled",
  NO_IO,
  () => {
    const meter = new ProgressMeter({ name: "a" }, 0);
    meter.sample(4999);
    assertEquals(meter.view(4999).stalled, false);
    meter.sample(5000);
    assertEquals(meter.view(5000).stalled, true);
    meter.add(1);
    meter.sample(6000);
    assertEquals(meter.view(6000).stalled, false);
    assertEquals(meter.view(10_999).stalled, false);
    assertEquals(meter.view(11_000).stalled, true);
  },
);

Deno.test(
  "ProgressMeter knows its rate behind time that does not count",
  NO_IO,
  () => {
    const meter = new ProgressMeter({ name: "a" }, 0);
    for (let now = 100; now <= 400; now += 100) {
      meter.add(100);
      meter.sample(now);
    }
    meter.passOver(60_000);
    meter.add(200);
    meter.sample(60_600);
    const { rate, stalled, elapsedMs } = meter.view(60_600);
    assertEquals({ rate, stalled, elapsedMs }, {
      rate: 1000,
      stalled: false,
      elapsedMs: 60_600,
    });
  },
);

Deno.test("ProgressMeter gives no average for no time", NO_IO, () => {
  const meter = new ProgressMeter({ name: "a" }, 0);
  meter.add(5);
  assertEquals(meter.finalView(0).rate, undefined);
});

Deno.test(
  "progressStyle() follows the terminal, --quiet and --json unless told",
  NO_IO,
  () => {
    const style = (
      when: Parameters<typeof progressStyle>[0],
      stderrIsTerminal: boolean,
      modes = {},
      env = {},
    ) =>
      progressStyle(
        when,
        memoryOutput({ stderrIsTerminal, modes, env }).output,
      );
    assertEquals(style(undefined, true), "line");
    assertEquals(style("auto", true), "line");
    assertEquals(style("auto", false), "none");
    assertEquals(style("auto", true, { quiet: true }), "none");
    assertEquals(style("auto", true, { json: true }), "none");
    assertEquals(style("auto", true, {}, { TERM: "dumb" }), "none");
    assertEquals(style("always", true, { json: true }), "line");
    assertEquals(style("always", false), "plain");
    assertEquals(style("always", true, {}, { TERM: "dumb" }), "plain");
    assertEquals(style("never", true), "none");
  },
);

Deno.test("Progress draws when something changed, and only then", NO_IO, () => {
  const { output, system } = memoryOutput({ stderrIsTerminal: true });
  const clock = new HeldClock();
  const progress = new Progress({ name: "a", total: 100 * MIB }, {
    output,
    style: "line",
    clock,
  });
  const { writes } = system.stderr;
  assertEquals(writes.length, 0);
  clock.pass(125);
  assertEquals(writes.length, 1);
  clock.pass(125);
  assertEquals(writes.length, 1);
  progress.add(MIB);
  clock.pass(125);
  assertEquals(writes.length, 2);
  system.columns = 60;
  clock.pass(1);
  assertEquals(writes.length, 3);
  progress.phase("verifying");
  assertEquals(writes.length, 4);
  progress.phase("verifying");
  assertEquals(writes.length, 4);
  progress.finish();
  assertEquals(writes.length, 5);
  assertEquals(clock.stopped, 1);
  clock.pass(125);
  progress.phase("never shown");
  progress.finish();
  progress.abandon();
  assertEquals(writes.length, 5);
  assertEquals(
    writes[4],
    "\r\x1b[Ja                 1%       1.00 MiB  2.66 MiB/s     in 0.4s\n",
  );
});

Deno.test("Progress is taken away when it is not finished", NO_IO, () => {
  const { output, system } = memoryOutput({ stderrIsTerminal: true });
  const clock = new HeldClock();
  {
    using _progress = new Progress({ name: "a", total: 1 }, {
      output,
      style: "line",
      clock,
    });
    clock.pass(125);
  }
  assertEquals(system.stderr.writes.at(-1), "\r\x1b[J");
  assertEquals(clock.stopped, 1);
});

Deno.test(
  "Progress has one rate for all that it is paused between",
  NO_IO,
  () => {
    const { output, system } = memoryOutput({ stderrIsTerminal: true });
    const clock = new HeldClock();
    const look = () => ({ name: "b" });
    using progress = new Progress({ name: "a" }, {
      output,
      style: "line",
      clock,
    });
    const { writes } = system.stderr;
    for (let part = 0; part < 5; part++) {
      for (let i = 0; i < 4; i++) {
        progress.add(MIB / 10);
        clock.pass(100);
      }
      progress.pause();
      assertEquals(writes.at(-1), "\r\x1b[J");
      clock.pass(10_000);
      assertEquals(writes.at(-1), "\r\x1b[J");
      progress.resume(look);
    }
    clock.pass(1);
    assertStringIncludes(writes.at(-1)!, "b ");
    assertStringIncludes(writes.at(-1)!, "1023 KiB/s");
  },
);

Deno.test(
  "Progress writes into a log at each tenth, but not more than once a second",
  NO_IO,
  () => {
    const { output, system } = memoryOutput();
    const clock = new HeldClock();
    const progress = new Progress({ name: "a", total: 100 * MIB }, {
      output,
      style: "plain",
      clock,
    });
    for (let step = 0; step < 100; step++) {
      progress.add(step < 50 ? MIB : 0);
      clock.pass(step < 50 ? 300 : 200);
    }
    progress.finish();
    assertEquals(system.stderr.text.split("\n"), [
      "a: 10%, 10.0/100 MiB, 3.33 MiB/s, ETA 0:27",
      "a: 20%, 20.0/100 MiB, 3.33 MiB/s, ETA 0:24",
      "a: 30%, 30.0/100 MiB, 3.33 MiB/s, ETA 0:21",
      "a: 40%, 40.0/100 MiB, 3.33 MiB/s, ETA 0:18",
      "a: 50%, 50.0/100 MiB, 3.33 MiB/s, ETA 0:15",
      "a: 50%, 50.0/100 MiB, stalled",
      "a: 50%, 50.0 MiB, 2.00 MiB/s, in 0:25",
      "",
    ]);
  },
);

Deno.test(
  "Progress without a style shows nothing and starts no timer",
  NO_IO,
  () => {
    const { output, system } = memoryOutput({ stderrIsTerminal: true });
    const clock = new HeldClock();
    const progress = new Progress({ name: "a" }, {
      output,
      style: "none",
      clock,
    });
    progress.add(5);
    progress.phase("verifying");
    clock.pass(1000);
    progress.finish();
    assertEquals(system.stderr.text, "");
    assertEquals(clock.stopped, 0);
  },
);

Deno.test("Progress says for two seconds that a file is resumed", NO_IO, () => {
  const { output, system } = memoryOutput({ stderrIsTerminal: true });
  const clock = new HeldClock();
  using progress = new Progress({ name: "a", total: 100 * MIB }, {
    output,
    style: "line",
    clock,
  });
  const { writes } = system.stderr;
  progress.moveTo(61 * MIB);
  progress.resuming(61);
  assertStringIncludes(writes.at(-1)!, "resuming at 61%");
  progress.add(MIB);
  clock.pass(1999);
  assertStringIncludes(writes.at(-1)!, "62%");
  assertStringIncludes(writes.at(-1)!, "resuming at 61%");
  progress.phase("reconnecting");
  assertStringIncludes(writes.at(-1)!, "reconnecting");
  progress.phase(undefined);
  clock.pass(1);
  assertEquals(writes.at(-1)!.includes("resuming"), false);
});

Deno.test("Progress writes each phase into a log, once", NO_IO, () => {
  const { output, system } = memoryOutput();
  const clock = new HeldClock();
  using progress = new Progress({ name: "a", total: 100 * MIB }, {
    output,
    style: "plain",
    clock,
  });
  progress.phase("verifying");
  progress.phase("verifying");
  progress.moveTo(61 * MIB);
  progress.phase(undefined);
  progress.resuming(61);
  progress.add(9 * MIB);
  clock.pass(1000);
  assertEquals(system.stderr.text.split("\n"), [
    "a: 0%, 0.00/100 MiB, verifying",
    "a: 61%, 61.0/100 MiB, resuming at 61%",
    "a: 70%, 70.0/100 MiB, 9.00 MiB/s, ETA 0:04",
    "",
  ]);
});

Deno.test("Progress says nothing before it can say of what", NO_IO, () => {
  const { output, system } = memoryOutput({ stderrIsTerminal: true });
  const clock = new HeldClock();
  const start = { name: "" };
  using progress = new Progress(start, {
    output,
    style: "line",
    clock,
    look: () => start,
  });
  clock.pass(1000);
  assertEquals(system.stderr.text, "");
  start.name = "report.pdf";
  clock.pass(100);
  assertStringIncludes(system.stderr.text, "report.pdf");
  progress.abandon();
});
