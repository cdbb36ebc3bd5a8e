/**
 * Groups of one: many Linux systems give every user a group of their own, and
 * let it write to all that they make (umask 002). Nobody else gains by that.
 */

/** Where local accounts are listed. Those of a directory service are in no file. */
const PASSWD_FILE = "/etc/passwd";
const GROUP_FILE = "/etc/group";

/**
 * True for a group that is known to have no members but these users. A group
 * that the files do not know is none, whoever may be in it.
 */
export function isPrivateGroup(
  gid: number,
  uids: readonly number[],
  read: (path: string) => string = Deno.readTextFileSync,
): boolean {
  try {
    const accounts = entries(read(PASSWD_FILE));
    const names = new Set<string | undefined>();
    for (const [name, , uid, primary] of accounts) {
      const isOurs = uids.includes(Number(uid));
      if (isOurs) names.add(name);
      else if (Number(primary) === gid) return false;
    }
    const groups = entries(read(GROUP_FILE))
      .filter(([, , id]) => Number(id) === gid);
    return groups.length > 0 &&
      groups.every(([, , , members = ""]) =>
        members.split(",").every((name) => name === "" || names.has(name))
      );
  } catch {
    // Other systems keep their accounts elsewhere.
    return false;
  }
}

function entries(text: string): string[][] {
  return text.split("\n")
    .map((line) => line.trim().split(":"))
    .filter((fields) => fields.length > 2);
}
