/**
 * Whether the storage root is the server's alone, checked before anything in it
 * is used, as sshd does with its keys (StrictModes): who can exchange it, or a
 * folder above it, decides what the server serves and who may come in.
 */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { isPrivateGroup } from "./private_group.ts";
import { dataFolder } from "./storage_path.ts";

const GROUP_MAY_WRITE = 0o020;
const OTHERS_MAY_WRITE = 0o002;
const ANY_BUT_OWNER = 0o077;
/** In a folder with it, only its owner can rename or remove a thing. */
const STICKY = 0o1000;

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/** Who uses the root: each has another way out of what is refused. */
type User = "serve" | "admin" | "status";

/** Who uses which root. */
interface Use {
  user: User;
  root: string;
}

/** Something on the way to the root, or in it. */
interface Place {
  path: string;
  info: Deno.FileInfo;
}

/**
 * Checks the root `folder`, as it was written, with all that is above it and the
 * server's own folders in it. What does not exist yet is no fault. Windows keeps
 * its permissions elsewhere and is not asked.
 *
 * @throws NetdiskError `local-io`, with the command that mends it
 */
export function checkStorageRoot(folder: string, user: User): void {
  const uid = Deno.uid();
  if (uid === null) return;
  const { above, root } = wayTo(folder);
  for (const place of above) checkAbove(place, uid);
  if (!root) return;
  if (root.info.isSymlink) {
    const hint = `netdisk ${user} --root ${quote(targetOf(root.path))}`;
    throw refusal(root.path, "the root is a link", { hint });
  }
  const use = { user, root: root.path };
  checkOwn(root, uid, use);
  const data = dataFolder(root.path);
  for (const path of [data, join(root.path, "users")]) {
    const info = infoOf(path);
    if (!info) continue;
    if (info.isSymlink) {
      const move = `mv ${quote(targetOf(path))} ${quote(path)}`;
      throw refusal(path, "it is a link", {
        hint: `rm ${quote(path)} && ${move}`,
      });
    }
    checkOwn({ path, info }, uid, use);
    if (path === data && has(info, ANY_BUT_OWNER)) {
      throw refusal(path, "others may look into it", {
        hint: `${sudo(info, uid)}chmod 700 ${quote(path)}`,
      });
    }
  }
}

/** A folder above the root: who may rename what is in it, can exchange the root. */
function checkAbove({ path, info }: Place, uid: number): void {
  if (!isTrusted(info, uid)) {
    const what = info.isSymlink ? "this link" : "a folder above the root";
    throw refusal(path, `${what} belongs to another user (uid ${info.uid})`, {
      hint: uid === 0
        ? `${
          asUser(info.uid!)
        } netdisk ..., or choose another folder with --root DIR`
        : "choose a folder of your own with --root DIR",
    });
  }
  if (info.isSymlink || has(info, STICKY)) return;
  const who = writers(info, uid);
  if (who === undefined) return;
  throw refusal(path, `${who} may exchange what is in this folder`, {
    hint: `${sudo(info, uid)}chmod go-w ${quote(path)}`,
  });
}

/** The root and what is the server's in it. */
function checkOwn({ path, info }: Place, uid: number, use: Use): void {
  if (!isTrusted(info, uid)) {
    throw refusal(path, `it belongs to another user (uid ${info.uid})`, {
      hint: use.user !== "serve"
        ? `${asUser(info.uid!)} ${commandOf(use)}`
        : `${uid === 0 ? "" : "sudo "}chown ${uid} ${quote(path)}`,
    });
  }
  const who = writers(info, uid);
  if (who === undefined) return;
  throw refusal(path, `${who} may write to it`, {
    // Such as /tmp: what is everybody's should stay so.
    hint: has(info, STICKY)
      ? `netdisk ${use.user} --root ${quote(join(path, "netdisk-data"))}`
      : `${sudo(info, uid)}chmod go-w ${quote(path)}`,
  });
}

/** Root can do everything in any case. */
function isTrusted(info: Deno.FileInfo, uid: number): boolean {
  return info.uid === uid || info.uid === 0;
}

/** Who else may write to a folder, if anybody. */
function writers(info: Deno.FileInfo, uid: number): string | undefined {
  if (has(info, OTHERS_MAY_WRITE)) return "others";
  if (!has(info, GROUP_MAY_WRITE)) return undefined;
  return isPrivateGroup(info.gid!, [uid, 0]) ? undefined : "its group";
}

function has(info: Deno.FileInfo, bits: number): boolean {
  return ((info.mode ?? 0) & bits) !== 0;
}

/**
 * Every folder that the kernel passes on its way to `path`, with the links, and
 * then that which is there; it ends early where nothing is, or may be seen.
 */
function wayTo(path: string): { above: Place[]; root?: Place } {
  const above: Place[] = [];
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const names = namesIn(absolute);
  let at = "/";
  let links = 0;
  for (let info = infoOf(at); info; info = infoOf(at)) {
    if (names.length === 0) return { above, root: { path: at, info } };
    above.push({ path: at, info });
    if (info.isSymlink) {
      if (++links > MAX_LINKS) break;
      const target = Deno.readLinkSync(at);
      names.unshift(...namesIn(target));
      at = target.startsWith("/") ? "/" : dirname(at);
    }
    const name = names.shift();
    if (name === undefined) break;
    at = name === ".." ? dirname(at) : join(at, name);
  }
  return { above };
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Undefined for what is not there, or not for us to see: using it will tell. */
function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** What a link leads to in the end. */
function targetOf(link: string): string {
  try {
    return Deno.realPathSync(link);
  } catch {
    return Deno.readLinkSync(link);
  }
}

function refusal(
  path: string,
  reason: string,
  options: { hint: string },
): NetdiskError {
  return new NetdiskError("local-io", `${path}: ${reason}`, options);
}

function sudo(info: Deno.FileInfo, uid: number): string {
  return uid === 0 || info.uid === uid ? "" : "sudo ";
}

function commandOf({ user, root }: Use): string {
  // Which of its commands it is, nobody knows here.
  return user === "admin"
    ? "netdisk admin ..."
    : `netdisk ${user} --root ${quote(root)}`;
}

function asUser(uid: number): string {
  return `sudo -u '#${uid}'`;
}

/** A path as a shell takes it for one argument. */
export function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
