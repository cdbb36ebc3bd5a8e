/** The one place where an error of the operating system becomes a wire code. */

import { type ErrorCode, NetdiskError } from "../protocol/errors.ts";
import { systemReason } from "../protocol/system_reason.ts";

/** Code and sentence by errno; what is not listed is `io`. */
const BY_ERRNO: Record<string, [ErrorCode, string]> = {
  ENOENT: ["not-found", "no such file or folder"],
  EEXIST: ["exists", "there is something of that name already"],
  EISDIR: ["is-folder", "it is a folder"],
  ENOTDIR: ["not-folder", "a part of the path is not a folder"],
  ENOTEMPTY: ["is-folder", "it is a folder"],
  ELOOP: ["denied", "links are not followed"],
  ENXIO: ["denied", "it is a device or socket, not a file"],
  EACCES: ["denied", "the server may not access it"],
  EPERM: ["denied", "the server may not access it"],
  EROFS: ["disk-full", "the server's disk is read-only"],
  ENOSPC: ["disk-full", "the server's disk is full"],
  EDQUOT: ["disk-full", "the server's disk quota is used up"],
  EFBIG: ["too-large", "larger than the server's disk can store"],
  ENAMETOOLONG: ["bad-name", "the name is too long for the server's disk"],
  EINVAL: ["bad-name", "the server's disk cannot store that name"],
  EILSEQ: ["bad-name", "the server's disk cannot store that name"],
  EXDEV: ["io", "the user's folder is on another disk than the storage root"],
  EMFILE: ["busy", "the server has too many files open"],
  ENFILE: ["busy", "the server has too many files open"],
};

/** Some of Deno's classes come without a `code`. */
const BY_CLASS: Record<string, string> = {
  NotFound: "ENOENT",
  AlreadyExists: "EEXIST",
  IsADirectory: "EISDIR",
  NotADirectory: "ENOTDIR",
  PermissionDenied: "EACCES",
  FilesystemLoop: "ELOOP",
};

/** Deno names some errors with their number only; Windows has other numbers. */
const BY_NUMBER: Record<string, string> = Deno.build.os === "windows" ? {} : {
  "23": "ENFILE",
  "27": "EFBIG",
  [Deno.build.os === "linux" ? "122" : "69"]: "EDQUOT",
};

/** The errno name of an error that a file operation threw, if it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as Error & { code?: unknown }).code;
  if (typeof code === "string") return code;
  const [, number = ""] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return BY_CLASS[error.name] ?? BY_NUMBER[number];
}

/** An error of the operating system that was not met in a file operation of Deno's. */
export function errnoError(errno: string): Error {
  return Object.assign(new Error(`the system refused (${errno})`), {
    code: errno,
  });
}

/**
 * Turns what a file operation threw into an error for the client: no path of
 * the server's disk is in it. NetdiskErrors pass unchanged.
 */
export function toStorageError(error: unknown): NetdiskError {
  if (error instanceof NetdiskError) return error;
  const errno = errnoOf(error);
  const known = errno === undefined ? undefined : BY_ERRNO[errno];
  const [code, message] = known ??
    ["io", `the server's disk failed${errno ? ` (${errno})` : ""}`];
  return new NetdiskError(code, message, { cause: error });
}

/** Why something cannot be done with a file of the admin's. */
export function cannot(action: string, cause: unknown): NetdiskError {
  const reason = cause instanceof Deno.errors.NotFound
    ? "no such file"
    : cause instanceof Deno.errors.PermissionDenied
    ? "not allowed"
    : systemReason(cause);
  return new NetdiskError("local-io", `cannot ${action}: ${reason}`, { cause });
}
