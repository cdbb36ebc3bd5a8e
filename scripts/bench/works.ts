/** What is measured: which files, which work with them, and the bars. */
import type { Work } from "./measure.ts";
import { type Options, sizeName } from "./options.ts";
import { makeSample } from "./samples.ts";
import type { Sample } from "./tool.ts";

const SMALL_BYTES = 4096;
/** In a folder as people have them. */
const LISTED_FILES = 100;
/** A listing is short, so it is run more often. */
const LIST_REPEAT = 5;
/** For keys, databases, folders and what a file system needs for itself. */
const SPARE_BYTES = 64 * 2 ** 20;

/** The files of every work. */
export interface Samples {
  big: Sample;
  small: Sample;
  listed: Sample;
}

/** Every work, in the order of the table, with the bars of issue 2. */
export function worksOf(
  { big, small, listed }: Samples,
  options: Options,
): Work[] {
  const { size, files } = options;
  const bigFile = {
    sample: big,
    repeat: 1,
    amount: { value: size / 1e6, unit: "MB/s" },
    bars: [{ peer: "scp", atLeast: 1 }],
  };
  const smallFiles = {
    sample: small,
    repeat: 1,
    amount: { value: files, unit: "files/s" },
    bars: [],
  };
  const many = `${files} files of ${sizeName(SMALL_BYTES)}`;
  return [
    { title: `put ${sizeName(size)}`, kind: "put", ...bigFile },
    { title: `get ${sizeName(size)}`, kind: "get", ...bigFile },
    { title: `put ${many}`, kind: "put", ...smallFiles },
    { title: `get ${many}`, kind: "get", ...smallFiles },
    {
      title: `ls of ${LISTED_FILES} names, whole process`,
      kind: "list",
      sample: listed,
      repeat: LIST_REPEAT,
      bars: [{ peer: "sftp", atLeast: 1 }],
    },
  ];
}

/** Makes them below the new folder `parent`. */
export async function makeSamples(
  parent: string,
  { size, files }: Options,
  signal: AbortSignal,
): Promise<Samples> {
  const small = { count: files, size: SMALL_BYTES, signal };
  const listed = { count: LISTED_FILES, size: 1, signal };
  return {
    big: await makeSample(parent, "big", { count: 1, size, signal }),
    small: await makeSample(parent, "small", small),
    listed: await makeSample(parent, "listed", listed),
  };
}

/** Bytes: the source, and one result at a time; far sides are links. */
export function spaceNeeded({ size, files }: Options): number {
  return 2 * (size + files * SMALL_BYTES) + SPARE_BYTES;
}
