/**
 * What a legal remote name is (SPEC.md 6). Both sides ask here: the client
 * before it sends, the server before it touches the disk. Making a disk path
 * of it is server/storage_path.ts's business.
 */

import { NetdiskError } from "./errors.ts";

/** The longest name of one file or folder that common file systems store. */
export const MAX_SEGMENT_BYTES = 255;

/** The longest remote path, PATH_MAX of Linux. */
export const MAX_PATH_BYTES = 4096;

/**
 * How deep folders of a server may lie in each other. Every level of a path is looked at,
 * and the system walks to each from the top: at 2000 levels everybody would
 * wait for half a second.
 */
export const MAX_DEPTH = 256;

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

const TOO_LONG = `the path is longer than ${MAX_PATH_BYTES} bytes`;

const encoder = new TextEncoder();

/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const UNIT_BYTES = 3;

/**
 * Checks a path in the form that crosses the wire: segments joined by `/`,
 * without a leading or trailing one; `""` is the user's own folder.
 *
 * @returns the reason why the path is refused, or undefined when it is legal.
 */
export function remotePathFault(path: string): string | undefined {
  if (path === "") return undefined;
  if (isLonger(path, MAX_PATH_BYTES)) return TOO_LONG;
  for (const segment of path.split("/")) {
    const fault = segmentFault(segment);
    if (fault) return fault;
  }
  return undefined;
}

/** Why a legal path lies too deep for a server; a listing may well have it. */
export function depthFault(path: string): string | undefined {
  return path.split("/").length > MAX_DEPTH
    ? `the path is more than ${MAX_DEPTH} folders deep`
    : undefined;
}

/** Why one file or folder name is refused, or undefined when it is legal. */
export function segmentFault(segment: string): string | undefined {
  if (segment === "") return "the path has an empty part";
  if (segment === "." || segment === "..") {
    return `'${segment}' is not allowed in a path`;
  }
  if (CONTROL.test(segment)) return "the name has a control character";
  if (!segment.isWellFormed()) return "the name is not valid Unicode";
  if (isLonger(segment, MAX_SEGMENT_BYTES)) {
    return `the name is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return undefined;
}

/** Nearly every name is so short that its bytes need not be counted. */
function isLonger(text: string, maxBytes: number): boolean {
  return text.length * UNIT_BYTES > maxBytes &&
    encoder.encode(text).length > maxBytes;
}

/**
 * As remotePathFault() says it of a legal folder's path and a name: for listings
 * of many names, as the folder is not looked at again.
 */
export function childFault(folder: string, name: string): string | undefined {
  const fault = segmentFault(name);
  if (fault !== undefined) return fault;
  // As most are, by far: nothing to count, nothing to join.
  if (UNIT_BYTES * (folder.length + name.length) < MAX_PATH_BYTES) {
    return undefined;
  }
  const path = joinRemotePath(folder, name);
  return isLonger(path, MAX_PATH_BYTES) ? TOO_LONG : undefined;
}

/**
 * Turns what a person typed into the form that crosses the wire: a leading
 * `/`, doubled and trailing `/` and `.` parts fall away; `..` is refused.
 *
 * @throws NetdiskError `bad-name`
 */
export function parseRemotePath(text: string): string {
  const path = text.split("/").filter((part) => part !== "" && part !== ".")
    .join("/");
  const fault = remotePathFault(path);
  if (fault) throw new NetdiskError("bad-name", `${text}: ${fault}`);
  return path;
}

/** Joins a folder's path and a name; either may be `""`. */
export function joinRemotePath(folder: string, name: string): string {
  if (folder === "" || name === "") return folder + name;
  return `${folder}/${name}`;
}

/** The last part of a path, `""` for the user's own folder. */
export function remoteName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The path of the folder that holds `path`, `""` for the user's own folder. */
export function remoteParent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
