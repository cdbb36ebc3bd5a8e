/** What is moved over the link, and by whom. */
import { type Context, isWanted } from "../context.ts";
import { type Options, sizeName } from "../options.ts";
import type { Amount } from "../report.ts";
import { makeSample } from "../samples.ts";
import type { Sample } from "../tool.ts";
import { SMALL_BYTES } from "../works.ts";

/** The kernel's limit of one connection's buffer may be less than what travels. */
const SEVERAL = 8;
/** The share of the small files that is sent over the link. */
const FEWER = 5;
/** And by scp, to which each of them costs several round trips. */
const FEWER_FOR_SCP = 10;

/** Someone at work, with what. */
export interface Part {
  tool: string;
  sample: Sample;
}

/** One work, in one direction. */
export interface Work {
  kind: "put" | "get";
  sample: Sample;
  /** Who takes all rounds beside netdisk, and on how many connections bare TCP does. */
  peers: string[];
  connections: number[];
  /** Who plays once, because it takes long and no bar depends on it. */
  once: { parts: Part[]; connections: number[] };
}

/** What takes long is not run again in the other direction, which is as fast. */
const NOBODY: Work["once"] = { parts: [], connections: [] };

/** Bytes that it needs: the source and one result. */
export function spaceForLink({ size, files }: Options): number {
  return 2 * (size + files * SMALL_BYTES);
}

/** Those that were asked for, with new samples in the folder `source`. */
export async function makeWorks(
  context: Context,
  source: string,
): Promise<Work[]> {
  const { files, size } = context.options;
  const make = (name: string, count: number, size: number) =>
    makeSample(source, name, { count, size });
  const works: Work[] = [];
  if (isWanted(context, "link-small")) {
    const fewer = Math.ceil(files / FEWER);
    const few = Math.ceil(fewer / FEWER_FOR_SCP);
    const part = { tool: "scp", sample: await make("few", few, SMALL_BYTES) };
    const work = {
      sample: await make("small", fewer, SMALL_BYTES),
      peers: ["rsync over ssh"],
      connections: [1, SEVERAL],
    };
    works.push(
      { ...work, kind: "put", once: { parts: [part], connections: [] } },
      { ...work, kind: "get", once: NOBODY },
    );
  }
  if (isWanted(context, "link-big")) {
    const sample = await make("big", 1, size);
    const peers = ["scp", "rsync over ssh"];
    const parts = peers.map((tool) => ({ tool, sample }));
    const work = { sample, peers: [], connections: [SEVERAL] };
    works.push(
      { ...work, kind: "put", once: { parts, connections: [1] } },
      { ...work, kind: "get", once: NOBODY },
    );
  }
  return works;
}

/** As the tables name it. */
export function nameOf({ files, bytes }: Sample): string {
  const each = sizeName(bytes / files.length);
  return files.length === 1 ? each : `${files.length} files of ${each}`;
}

/** What one run moves: bytes of one file, or files. */
export function amountOf({ files, bytes }: Sample): Amount {
  return files.length === 1
    ? { value: bytes / 1e6, unit: "MB/s" }
    : { value: files.length, unit: "files/s" };
}
