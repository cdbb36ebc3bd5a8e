import { assertEquals } from "@std/assert";
import { type Sender, SendingTurns } from "../../server/sending_turns.ts";
import { until, within } from "../helpers/deadline.ts";
import { settled } from "../helpers/settled.ts";

/** Longer than any test. */
const PATIENT_MS = 600_000;

/** Files whose receivers take a block when they are told to. */
class Downloads {
  #turns: SendingTurns;
  /** Numbers of the files whose block is on its way, in the order of sending. */
  sent: number[] = [];
  #takes: (() => void)[] = [];

  constructor(patienceMs?: number) {
    this.#turns = new SendingTurns(patienceMs);
  }

  /** Sends `blocks` of the file `number`. */
  async send(number: number, blocks: number): Promise<void> {
    using sender = this.#turns.sender();
    for (let i = 0; i < blocks; i++) await this.sendBlock(sender, number);
  }

  sendBlock(sender: Sender, number: number): Promise<void> {
    return sender.send(() => {
      this.sent.push(number);
      return new Promise((resolve) => this.#takes.push(resolve));
    });
  }

  /** All receivers take what is on its way. */
  async take(): Promise<void> {
    for (const take of this.#takes.splice(0)) take();
    await settled();
  }

  sender(): Sender {
    return this.#turns.sender();
  }
}

Deno.test("downloads send by turns, four at a time and 32 blocks each", async () => {
  const downloads = new Downloads(PATIENT_MS);
  const all = Promise.all(
    Array.from({ length: 8 }, (_, i) => downloads.send(i, 33)),
  );
  await settled();
  for (let i = 0; i < 256 && downloads.sent.length < 8 * 33; i++) {
    await downloads.take();
  }
  await downloads.take();
  await within("the downloads", all);
  const turns = [0, 128, 256].map((from) =>
    new Set(downloads.sent.slice(from, from + 128))
  );
  const [first, second] = [new Set([0, 1, 2, 3]), new Set([4, 5, 6, 7])];
  assertEquals(turns, [first, second, first.union(second)]);
});

Deno.test("a receiver that takes its time keeps nobody waiting", async () => {
  const downloads = new Downloads();
  const slow = Array.from({ length: 4 }, (_, i) => downloads.send(i, 2));
  const other = downloads.send(4, 1);
  await until("the turn of the other", () => downloads.sent.includes(4));
  assertEquals(downloads.sent, [0, 1, 2, 3, 4]);
  await downloads.take();
  await downloads.take();
  await within("all of them", Promise.all([...slow, other]));
  assertEquals(downloads.sent.slice(5).toSorted(), [0, 1, 2, 3]);
});

Deno.test("a download that ends early gives its turn to the next", async () => {
  const downloads = new Downloads(PATIENT_MS);
  const senders = Array.from({ length: 5 }, () => downloads.sender());
  const sending = senders.map((sender, i) => downloads.sendBlock(sender, i));
  await settled();
  assertEquals(downloads.sent, [0, 1, 2, 3]);
  await downloads.take();
  assertEquals(downloads.sent, [0, 1, 2, 3]);
  senders[2]![Symbol.dispose]();
  await settled();
  assertEquals(downloads.sent, [0, 1, 2, 3, 4]);
  await downloads.take();
  await within("the downloads", Promise.all(sending));
  for (const sender of senders) sender[Symbol.dispose]();
});
