/** What the benchmark's parts say to each other: samples, tools, and the stage they play on. */
import type { Disk } from "./quiet.ts";

/** Files to move or list, in one folder of their own. */
export interface Sample {
  /** Its folder's name, in the source and on every tool's far side. */
  readonly name: string;
  readonly folder: string;
  /** Relative paths, sorted, safe on a command line. */
  readonly files: readonly string[];
  readonly bytes: number;
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
  /** The sample, which becomes the folder of its name in the far side's {@link ARRIVALS}. */
  put?(sample: Sample): CommandLine;
  /** The sample from the far side, which becomes the folder of its name in the folder `to`. */
  get?(sample: Sample, to: string): CommandLine;
  /** As `put`, but sends only what differs from what is there. */
  sync?(sample: Sample): CommandLine;
  /** Prints the names of the sample on the far side, one a line. */
  list?(sample: Sample): CommandLine;
}

/** Where every put arrives; emptied before each. */
export const ARRIVALS = "in";

/** Where the programs of one side run. */
export interface Side {
  /** What servers there listen on. */
  readonly address: string;
  /** The command as it is started there. */
  run(command: CommandLine): CommandLine;
}

/** Both sides of all that does not go over a link. */
export const LOOPBACK: Side = {
  address: "127.0.0.1",
  run: (command) => command,
};

/** What a group of tools is made from. */
export interface Stage {
  /** A folder of the benchmark's own. Its path has only {@link PLAIN_PATH}. */
  readonly dir: string;
  readonly samples: readonly Sample[];
  readonly client: Side;
  readonly server: Side;
  /** For every program that is started. */
  readonly env: Readonly<Record<string, string>>;
  /** What {@link dir} is on. */
  readonly disk: Disk;
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
