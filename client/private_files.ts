/**
 * Whether a file of secrets is its owner's alone: nobody else may read it, nor
 * put another one in its place. Not asked on Windows, where the rights of the
 * user's own folder are inherited, and Deno makes up a mode (666 or 444).
 */

import { NetdiskError } from "../protocol/errors.ts";
import { shellWord } from "./shell_word.ts";

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/**
 * Looks at the folder of secret files, links followed. Others may see which names
 * it has: the files themselves are checked.
 *
 * @throws NetdiskError when others can change what is in it; and what
 * `Deno.statSync` throws, as when it is missing
 */
export function checkPrivateFolder(
  path: string,
  os: typeof Deno.build.os = Deno.build.os,
): void {
  checkOwner(path, Deno.lstatSync(path));
  const info = Deno.statSync(path);
  if (!info.isDirectory) throw refused(`${path}: it is not a folder`);
  checkOwner(path, info);
  if (!isFor(OTHERS_WRITE, info, os)) return;
  throw refused(
    `${path}: others can change the files in it`,
    `chmod 700 ${shellWord(path)}`,
  );
}

/**
 * Looks at a secret file in such a folder.
 *
 * @throws NetdiskError for a link, what is no file, somebody else's, and what
 * others can read or change; and what `Deno.lstatSync` throws
 */
export function checkPrivateFile(
  path: string,
  os: typeof Deno.build.os = Deno.build.os,
): Deno.FileInfo {
  const info = Deno.lstatSync(path);
  const word = shellWord(path);
  if (info.isSymlink) {
    throw refused(
      `${path}: it is a link, and is not followed`,
      `mv "$(readlink -f ${word})" ${word}`,
    );
  }
  if (!info.isFile) throw refused(`${path}: it is not a file`);
  checkOwner(path, info);
  if (!isFor(OTHERS, info, os)) return info;
  throw refused(`${path}: others can read it`, `chmod 600 ${word}`);
}

function isFor(
  bits: number,
  { mode }: Deno.FileInfo,
  os: typeof Deno.build.os,
): boolean {
  return os !== "windows" && ((mode ?? 0) & bits) !== 0;
}

/** Root could have anything anyway. */
function checkOwner(path: string, { uid }: Deno.FileInfo): void {
  const me = Deno.uid();
  if (uid === null || uid === 0 || uid === me) return;
  throw refused(
    `${path}: it belongs to somebody else (user ${uid})`,
    me === 0
      ? `run netdisk as that user, or set NETDISK_CONFIG_DIR to a folder of root's`
      : `sudo chown -R "$(id -un)" ${shellWord(path)}`,
  );
}

function refused(message: string, hint?: string): NetdiskError {
  return new NetdiskError(
    "local-io",
    message,
    hint === undefined ? {} : { hint },
  );
}
