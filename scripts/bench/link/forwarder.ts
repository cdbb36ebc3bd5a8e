/**
 * The link as a process: two network namespaces, a TUN device in each, and
 * between them {@link DelayLine}s. It says where the namespaces are, forwards
 * until it is killed, and takes everything with it.
 *
 *     deno run -A forwarder.ts DEVICE '{"bitsPerSecond":1e9,"delayMs":25,"queueBytes":6e6}'
 *
 * It blocks its thread and has no handlers, so that a signal ends it at once.
 */
import { DelayLine, type LinkShape } from "./delay_line.ts";
import { wireBytes } from "./packet.ts";
import { enterNewNamespace, Tun } from "./tun.ts";

/** What it says on a line of its own once both ends are there. */
export interface Ready {
  /** Paths for `nsenter --net=`. */
  namespaces: [string, string];
}

/** What it says when packets were dropped, in all so far, by the end they came from. */
export interface Dropped {
  dropped: [number, number];
}

const MAX_WAIT_MS = 100;
const TELL_MS = 100;
/** So that one end that always has a packet does not keep the other waiting. */
const MAX_BATCH = 64;

function forward(ends: [Tun, Tun], shape: LinkShape): never {
  const lines = [new DelayLine(shape), new DelayLine(shape)];
  let told = { sum: 0, at: 0 };
  for (;;) {
    for (const [index, line] of lines.entries()) {
      const [from, to] = [ends[index]!, ends[1 - index]!];
      for (let count = 0; count < MAX_BATCH; count++) {
        const packet = from.read();
        if (packet === undefined) break;
        line.push(packet, wireBytes(packet), performance.now());
      }
      for (;;) {
        const packet = line.shift(performance.now());
        if (packet === undefined) break;
        to.write(packet);
      }
    }
    const now = performance.now();
    const dropped = lines.map((line) => line.dropped);
    const sum = dropped[0]! + dropped[1]!;
    if (sum !== told.sum && now - told.at > TELL_MS) {
      told = { sum, at: now };
      say(JSON.stringify({ dropped }));
    }
    const due = Math.min(...lines.map(({ nextDue }) => nextDue ?? Infinity));
    Tun.wait(ends, Math.min(Math.max(due - now, 0), MAX_WAIT_MS));
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [device, shape] = Deno.args;
  const ends = [0, 1].map(() => ({
    namespace: enterNewNamespace(),
    end: new Tun(device!),
  }));
  const namespaces = ends.map(({ namespace }) => namespace);
  say(JSON.stringify({ namespaces }));
  forward([ends[0]!.end, ends[1]!.end], JSON.parse(shape!) as LinkShape);
}
