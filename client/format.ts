/**
 * Numbers as people read them, in columns that do not move: sizes take at most 8
 * columns, durations at most 6. (@std/fmt gives texts of any length.)
 */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/** Columns of the longest formatBytes(): `1023 MiB`. */
export const BYTES_COLUMNS = 8;

/** Columns of the longest formatDuration(): `99h59m`. */
export const DURATION_COLUMNS = 6;

/** Three digits say enough: 9.99, 99.9, 999, and 1023 before the next unit begins. */
function digits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** The unit in which `bytes` needs no more than four digits. */
function unitOf(bytes: number): number {
  let unit = 0;
  let value = bytes;
  // 1023.5 would be shown as 1024, which is 1.00 of the next unit.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit;
}

function inUnit(bytes: number, unit: number): string {
  return unit === 0
    ? Math.round(bytes).toFixed(0)
    : digits(bytes / 1024 ** unit);
}

/** A size such as `512 B`, `1.50 KiB` or `1023 MiB`. */
export function formatBytes(bytes: number): string {
  const unit = unitOf(bytes);
  return `${inUnit(bytes, unit)} ${UNITS[unit]}`;
}

/** How much of how much, in the unit of the whole: `0.12/5.00 GiB`. */
export function formatPortion(done: number, total: number): string {
  const unit = unitOf(total);
  return `${inUnit(done, unit)}/${inUnit(total, unit)} ${UNITS[unit]}`;
}

/** A speed such as `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A duration such as `0:07`, `12:34`, `1h02m`, `4d03h` or `120d`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${twoDigits(whole % 60)}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 100) return `${hours}h${twoDigits(minutes % 60)}m`;
  const days = Math.floor(hours / 24);
  return days < 100 ? `${days}d${twoDigits(hours % 24)}h` : `${days}d`;
}

/** Time gone by: as formatDuration(), but `0.3s` below ten seconds. */
export function formatElapsed(ms: number): string {
  return ms < 9950
    ? `${(Math.max(0, ms) / 1000).toFixed(1)}s`
    : formatDuration(ms / 1000);
}

/** A count with its thousands apart: `20 000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
