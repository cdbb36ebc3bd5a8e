/** What the benchmark's parts say to each other: samples, tools, and the stage they play on. */

/** Files to move or list, in one folder of their own. */
export interface Sample {
  /** Its folder's name, in the source and on every tool's far side. */
  readonly name: string;
  readonly folder: string;
  /** Plain names, sorted, safe on a command line. */
  readonly files: readonly string[];
  /** Of names and contents, as `digestFolder` makes it. */
  readonly digest: string;
}

/** A program as it is started. */
export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** One way to do the work. What a tool cannot do, it leaves out. */
export interface Tool {
  readonly name: string;
  /**
   * The folder on this machine that the tool reaches as its far side. It holds
   * every sample under its name; what is put arrives in its folder {@link ARRIVALS}.
   */
  readonly far: string;
  /** Every file of the sample into the far side's {@link ARRIVALS}. */
  put?(sample: Sample): CommandLine;
  /** Every file of the sample from the far side into the folder `to`. */
  get?(sample: Sample, to: string): CommandLine;
  /** Prints the names of the sample on the far side, one a line. */
  list?(sample: Sample): CommandLine;
}

/** Where every put arrives; emptied before each. */
export const ARRIVALS = "in";

/** What a group of tools is made from. */
export interface Stage {
  /** The benchmark's own folder. Its path has only {@link PLAIN_PATH}. */
  readonly dir: string;
  readonly samples: readonly Sample[];
  /** For every program that is started. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Paths that mean themselves to a shell, a glob and the configuration of OpenSSH. */
export const PLAIN_PATH = /^[A-Za-z0-9_.,+@/-]+$/;

/** Tools that came up together, and whose version they are. */
export interface ToolGroup {
  readonly tools: readonly Tool[];
  /** As for people: `OpenSSH_9.2p1`. */
  readonly version: string;
  /** The last that their server said. */
  log?(): string;
}

/** Tools that this machine does not have or does not let work; the others go on. */
export class Unavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Unavailable";
  }
}
