/**
 * Every byte a person or a script sees. stdout carries data and results, one
 * line or one JSON object each; progress, notices and errors go to stderr.
 *
 * How netdisk talks: lower case, no full stop, `netdisk: ` in front; an error says
 * what it is about, then the reason; a hint is the command to type next. Text that
 * came from outside is escaped here at the latest, so one message is one line.
 */

import type { NetdiskError } from "../protocol/errors.ts";
import { displayJson, displayText } from "./display_text.ts";
import { leniently } from "./environment.ts";
import { EXIT_STATUS } from "./exit_status.ts";
import { inSamePlace } from "./same_place.ts";
import {
  type OutputStream,
  StdoutWriter,
  writeAllSync,
} from "./stream_writer.ts";

/** Version of the JSON objects that `--json` prints; it changes when a field changes its meaning. */
export const JSON_VERSION = 1;

/** How much is said, and in which form. */
export interface OutputModes {
  /** Errors only. Data that was asked for is still written. */
  quiet?: boolean;
  /** JSON objects instead of text on stdout. */
  json?: boolean;
  /** Details as well. */
  verbose?: boolean;
}

/** What Output needs of the world; a test fakes it. */
export interface OutputSystem {
  stdout: OutputStream;
  stderr: OutputStream;
  /** Asked before each write of raw bytes. */
  stdoutIsNonBlocking(): boolean;
  env(name: string): string | undefined;
  consoleSize(): { columns: number };
}

/** Fields of a JSON object beside `type` and `version`. */
export type JsonFields = Record<string, unknown>;

export type Style = "bold" | "dim" | "red" | "yellow" | "blue" | "cyan";

const STYLE_CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  yellow: 33,
  blue: 34,
  cyan: 36,
};

/** First column, then erase to the end of the screen. */
const ERASE_STATUS = "\r\x1b[J";

const encoder = new TextEncoder();

/** The two streams of the program, shared by everything that has something to say. */
export class Output {
  readonly quiet: boolean;
  readonly json: boolean;
  readonly verbose: boolean;
  /** True where a line on stderr can be drawn over: a terminal, and not a dumb one. */
  readonly canRedraw: boolean;
  /** What a command in a hint needs to go where this one went; see same_place.ts. */
  place: readonly string[] = [];

  readonly #system: OutputSystem;
  readonly #env: OutputSystem["env"];
  readonly #stdout: StdoutWriter;
  readonly #colour: { stdout: boolean; stderr: boolean };
  #status: string | undefined;
  #summary: JsonFields = {};

  constructor(system: OutputSystem, modes: OutputModes = {}) {
    this.quiet = modes.quiet ?? false;
    this.json = modes.json ?? false;
    this.verbose = modes.verbose ?? false;
    this.#system = system;
    const stdoutIsTerminal = system.stdout.isTerminal();
    const stderrIsTerminal = system.stderr.isTerminal();
    this.#env = leniently(system);
    const dumb = this.#env("TERM") === "dumb";
    const plain = dumb || Boolean(this.#env("NO_COLOR"));
    this.canRedraw = stderrIsTerminal && !dumb;
    this.#colour = {
      stdout: stdoutIsTerminal && !plain,
      stderr: stderrIsTerminal && !plain,
    };
    // Data on the terminal would otherwise start in the middle of the status.
    const covered = () => stdoutIsTerminal && this.#status !== undefined;
    this.#stdout = new StdoutWriter(system.stdout, {
      before: () => covered() && this.#writeStderr(ERASE_STATUS),
      after: () => covered() && this.#writeStderr(this.#drawnStatus()),
    });
  }

  /** Columns of the terminal; 80 where there is none or it does not say. */
  get columns(): number {
    try {
      const { columns } = this.#system.consoleSize();
      if (columns > 0) return columns;
    } catch {
      // No stream is a terminal.
    }
    const columns = Number(this.#env("COLUMNS"));
    return Number.isInteger(columns) && columns > 0 ? columns : 80;
  }

  /** Columns that a line of data has room for: those of the terminal, any number elsewhere. */
  get stdoutColumns(): number {
    return this.#system.stdout.isTerminal() ? this.columns : Infinity;
  }

  /** The text in a style where the stream shows colours, else the text itself. */
  paint(stream: "stdout" | "stderr", style: Style, text: string): string {
    return this.#colour[stream]
      ? `\x1b[${STYLE_CODES[style]}m${text}\x1b[0m`
      : text;
  }

  /**
   * One line of data on stdout: what the command was asked for. Not with `--json`,
   * where record() says it. The caller escapes names with displayText(); it must,
   * as a line may be painted and is not escaped here.
   *
   * @throws {StdoutClosed} if nobody reads any more, now or at an earlier write.
   * @throws {NetdiskError} `local-io` if stdout cannot be written.
   */
  print(line: string): void {
    if (!this.json) this.#stdout.append(`${line}\n`);
  }

  /** One line on stdout about what was done. Silent with `--quiet` and `--json`. */
  say(line: string): void {
    if (!this.quiet) this.print(line);
  }

  /** With `--json` one object on stdout, names exactly as they are; else nothing. */
  record(type: string, fields: JsonFields): void {
    if (!this.json) return;
    const json = JSON.stringify({ type, version: JSON_VERSION, ...fields });
    this.#stdout.append(`${displayJson(json)}\n`);
  }

  /** Adds fields to the result object that finish() writes last. */
  summarise(fields: JsonFields): void {
    Object.assign(this.#summary, fields);
  }

  /** Raw bytes on stdout, for `get --to -`. The bytes are the caller's again when it resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#stdout.write(bytes, this.#system.stdoutIsNonBlocking());
  }

  /** Writes what was printed so far; otherwise that happens as soon as the program waits. */
  flush(): void {
    this.#stdout.flush();
  }

  /** Something a person should know and need not act on. */
  notice(text: string): void {
    if (!this.quiet) this.raw(`netdisk: ${displayText(text)}\n`);
  }

  /** Something only `--verbose` shows. */
  detail(text: string): void {
    if (this.verbose) this.notice(text);
  }

  /** The line of an error and, where there is one, of its hint. Never held back. */
  error(message: string, hint?: string): void {
    const label = this.paint("stderr", "red", "error:");
    let text = `netdisk: ${label} ${displayText(message)}\n`;
    if (hint !== undefined) {
      const label = this.paint("stderr", "cyan", "hint:");
      const there = inSamePlace(hint, this.place);
      text += `netdisk: ${label} ${displayText(there)}\n`;
    }
    this.raw(text);
  }

  /**
   * One of several failures, after which the command goes on; with `--json` an
   * `error` object too, with the status that it would have had alone.
   */
  failure(error: NetdiskError, fields: JsonFields = {}): void {
    this.error(error.message, error.hint);
    const exitCode = EXIT_STATUS[error.code];
    this.record("error", { ...this.#errorFields(error), exitCode, ...fields });
  }

  /** Text on stderr exactly as it is, even with `--quiet`: a question, or what NETDISK_DEBUG asks for. */
  raw(text: string): void {
    this.#stdout.tryFlush();
    this.#writeStderr(
      this.#status === undefined
        ? text
        : `${ERASE_STATUS}${text}${this.#drawnStatus()}`,
    );
  }

  /**
   * Shows a line at the bottom of the terminal, over the one shown before;
   * `undefined` takes it away. What is said meanwhile appears above it. The
   * caller keeps it shorter than `columns` and looks at `canRedraw` first.
   */
  status(line: string | undefined): void {
    const before = this.#status;
    this.#status = line;
    if (line !== undefined) this.#writeStderr(this.#drawnStatus());
    else if (before !== undefined) this.#writeStderr(ERASE_STATUS);
  }

  /** A line of progress that stays, in place of the status if there is one. */
  settle(line: string): void {
    const erase = this.#status === undefined ? "" : ERASE_STATUS;
    this.#status = undefined;
    this.#stdout.tryFlush();
    this.#writeStderr(`${erase}${line}\n`);
  }

  /**
   * The last word: with `--json` the result object, holding the fields of
   * summarise(); then everything is flushed. Throws as print() does.
   */
  finish(exitCode: number, error?: NetdiskError): void {
    this.status(undefined);
    this.record("result", {
      exitCode,
      ...this.#summary,
      ...(error === undefined ? {} : { error: this.#errorFields(error) }),
    });
    this.flush();
  }

  /**
   * The cursor is left in the first column: when the terminal gets narrower and
   * folds the line, the cursor stays on its first row, and erasing from there to
   * the end of the screen takes all rows away. Wrapping is off meanwhile, so that
   * a terminal that finds a character wider than we do cannot start a new row.
   */
  #drawnStatus(): string {
    return `\r\x1b[?7l${this.#status ?? ""}\x1b[J\x1b[?7h\r`;
  }

  /** Nobody can be told that stderr does not work, and what the command does is not affected. */
  #writeStderr(text: string): void {
    try {
      writeAllSync(this.#system.stderr, encoder.encode(text));
    } catch {
      // Closed or full.
    }
  }

  #errorFields({ code, message, hint }: NetdiskError): JsonFields {
    if (hint === undefined) return { code, message };
    return { code, message, hint: inSamePlace(hint, this.place) };
  }
}
