/** An Output that writes into memory, for tests of whatever talks. */

import {
  Output,
  type OutputModes,
  type OutputSystem,
} from "../../client/output.ts";
import type { OutputStream } from "../../client/stream_writer.ts";

/** A stream that keeps what is written to it. */
export class MemoryStream implements OutputStream {
  /** What each write brought, in order. */
  readonly writes: string[] = [];
  readonly #terminal: boolean;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  get text(): string {
    return this.writes.join("");
  }

  writeSync(bytes: Uint8Array): number {
    this.writes.push(new TextDecoder().decode(bytes));
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.writeSync(bytes));
  }

  isTerminal(): boolean {
    return this.#terminal;
  }
}

export interface MemoryOutputOptions {
  modes?: OutputModes;
  stdoutIsTerminal?: boolean;
  stderrIsTerminal?: boolean;
  env?: Record<string, string>;
  columns?: number;
}

/** An OutputSystem in memory. `columns` may be changed, as a window may. */
export class MemorySystem implements OutputSystem {
  readonly stdout: MemoryStream;
  readonly stderr: MemoryStream;
  readonly stdoutIsNonBlocking = (): boolean => false;
  columns: number;
  readonly #env: Record<string, string>;

  constructor(options: MemoryOutputOptions = {}) {
    this.stdout = new MemoryStream(options.stdoutIsTerminal ?? false);
    this.stderr = new MemoryStream(options.stderrIsTerminal ?? false);
    this.columns = options.columns ?? 80;
    this.#env = options.env ?? {};
  }

  readonly env = (name: string): string | undefined => this.#env[name];

  consoleSize(): { columns: number } {
    return { columns: this.columns };
  }
}

/** An Output and the memory behind it. Flush the output before looking at stdout. */
export function memoryOutput(
  options: MemoryOutputOptions = {},
): { output: Output; system: MemorySystem } {
  const system = new MemorySystem(options);
  return { output: new Output(system, options.modes), system };
}
