/**
 * The server's log: one line per event on stderr, `key=value` or JSON, no
 * secrets. Each thread has its own; what it is to look like is told to all.
 */

/** What a log line may say. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/** `text` is for people, `json` for programs: an object a line (NDJSON). */
export type LogFormat = "text" | "json";

/** What hides, drives a terminal, or makes one line look like two. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const HIDDEN_ALL = new RegExp(HIDDEN, "gu");
const PLAIN = /^[^\s"=\\]+$/;

/** A path may be longer, and takes six times as much when it is escaped. */
const MAX_VALUE_CHARS = 256;

/** Bytes that are held back at most: what a pipe takes as one piece (PIPE_BUF), as several threads write. */
const MAX_HELD = 4096;

const LF = 0x0a;

const encoder = new TextEncoder();

let format: LogFormat = "text";
const held = new Uint8Array(MAX_HELD);
let heldBytes = 0;
/** What was written last ends in the middle of a line. */
let isTorn = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** How this thread logs from now on; to be called before its first line. */
export function setLogFormat(next: LogFormat): void {
  format = next;
}

/** `2026-01-31T12:00:00.000Z put peer=192.0.2.1:5000 user=ann path="a b.txt"` */
export function formatLogLine(
  time: Date,
  event: string,
  fields: LogFields,
): string {
  let line = `${time.toISOString()} ${event}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    line += ` ${key}=${quote(shorten(String(value)))}`;
  }
  return line;
}

/** `{"time":"2026-01-31T12:00:00.000Z","event":"put","bytes":7}` */
export function formatJsonLine(
  time: Date,
  event: string,
  fields: LogFields,
): string {
  const object = JSON.stringify(
    { time, event, ...fields },
    // Half a character is no JSON to strict readers.
    (_, value) =>
      typeof value === "string" ? shorten(value.toWellFormed()) : value,
  );
  return escapeHidden(object);
}

/**
 * Writes one event, together with those that follow at once: a write for each of
 * thousands of small files would take a tenth of the time that they take.
 */
export function logEvent(event: string, fields: LogFields = {}): void {
  const form = format === "json" ? formatJsonLine : formatLogLine;
  const line = encoder.encode(form(new Date(), event, fields) + "\n");
  if (heldBytes + line.length > MAX_HELD) flushLog();
  if (line.length > MAX_HELD) return write(line);
  held.set(line, heldBytes);
  heldBytes += line.length;
  timer ??= setTimeout(flushLog, 0);
}

/**
 * Writes what is held back; before the program or the Worker ends. Never throws:
 * a log that cannot be written stops nothing.
 */
export function flushLog(): void {
  clearTimeout(timer);
  timer = undefined;
  const bytes = held.subarray(0, heldBytes);
  heldBytes = 0;
  write(bytes);
}

/** Writes whole lines. */
function write(lines: Uint8Array): void {
  if (lines.length === 0) return;
  try {
    // A disk that was full may have half a line: the next one is a line by itself.
    if (isTorn) writeAll(Uint8Array.of(LF));
    writeAll(lines);
  } catch {
    // A closed or full stderr: there is no place left to tell.
  }
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    at += Deno.stderr.writeSync(bytes.subarray(at));
    isTorn = bytes[at - 1] !== LF;
  }
}

function shorten(value: string): string {
  if (value.length <= MAX_VALUE_CHARS) return value;
  // Not in the middle of a character.
  const cut = value.slice(0, MAX_VALUE_CHARS).replace(/[\ud800-\udbff]$/, "");
  return `${cut}…`;
}

function quote(value: string): string {
  if (PLAIN.test(value) && !HIDDEN.test(value)) return value;
  return escapeHidden(JSON.stringify(value));
}

/** As JSON escapes them, so that it means the same. */
function escapeHidden(json: string): string {
  return json.replace(HIDDEN_ALL, (character) => {
    const units = character.split("").map((unit) => unit.charCodeAt(0));
    return units.map((u) => "\\u" + u.toString(16).padStart(4, "0")).join("");
  });
}
