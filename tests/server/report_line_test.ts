import { assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { answerReports, ReportLine } from "../../server/report_line.ts";
import { within } from "../helpers/deadline.ts";

/** Both ends; `answer` makes a report. */
class Line implements Disposable {
  readonly asking: ReportLine<number>;
  #port: MessagePort;

  constructor(answer?: () => number | Promise<number>, timeoutMs?: number) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port2;
    this.asking = new ReportLine(port1, timeoutMs);
    if (answer) answerReports(port2, answer);
  }

  [Symbol.dispose](): void {
    this.asking[Symbol.dispose]();
    this.#port.close();
  }
}

Deno.test("those who ask at the same time share an answer, the next one gets a new one", async () => {
  let made = 0;
  using line = new Line(() => Promise.resolve(++made));
  const asked = [line.asking.ask(), line.asking.ask(), line.asking.ask()];
  assertEquals(await Promise.all(asked), [1, 1, 1]);
  assertEquals(await line.asking.ask(), 2);
});

Deno.test("a report that cannot be made is an error, and not the last word", async () => {
  let isBroken = true;
  using line = new Line(() => {
    if (isBroken) throw new Error("no such table");
    return 7;
  });
  const error = await assertRejects(() => line.asking.ask(), NetdiskError);
  assertEquals([error.code, error.message], ["internal", "no such table"]);
  isBroken = false;
  assertEquals(await line.asking.ask(), 7);
});

Deno.test("who gets no answer is not kept waiting, nor given it later", async () => {
  const answers: PromiseWithResolvers<number>[] = [];
  using line = new Line(() => {
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  }, 20);
  const error = await assertRejects(() => line.asking.ask(), NetdiskError);
  assertEquals(error.code, "busy");
  const second = line.asking.ask();
  second.catch(() => {});
  answers[0]!.resolve(1);
  await assertRejects(() => second, NetdiskError);
});

Deno.test("what is no answer stops nothing", async () => {
  const { port1, port2 } = new MessageChannel();
  using asking = new ReportLine<number>(port1);
  port2.onmessage = ({ data: id }) => {
    for (const answer of [null, 7, "x", {}, { id: -1, value: 1 }]) {
      port2.postMessage(answer);
    }
    port2.postMessage({ id, value: 3 });
  };
  assertEquals(await asking.ask(), 3);
  port2.close();
});

Deno.test("whoever asks without end gets one report at a time", async () => {
  const { port1, port2 } = new MessageChannel();
  let under = 0;
  let most = 0;
  answerReports(port2, async () => {
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 0));
    return under--;
  });
  const last = Promise.withResolvers<void>();
  port1.onmessage = ({ data }) => data.id === 1000 && last.resolve();
  for (let id = 1; id <= 1000; id++) port1.postMessage(id);
  await within("the last answer", last.promise);
  assertEquals(most, 1);
  port1.close();
  port2.close();
});
