import { assertEquals } from "@std/assert";
import { isPrivateGroup } from "../../server/private_group.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
carl:x:1002:100::/home/carl:/bin/bash
dan:x:1003:100::/home/dan:/bin/bash
`;

const GROUP = `root:x:0:
users:x:100:
ann:x:1000:ann,
bob:x:1001:ann
staff:x:50:ann,bob
`;

function files(passwd: string, group: string) {
  return (path: string) => {
    if (path === "/etc/passwd") return passwd;
    if (path === "/etc/group") return group;
    throw new Deno.errors.NotFound(path);
  };
}

Deno.test("isPrivateGroup() knows a group that is one user's alone", () => {
  const read = files(PASSWD, GROUP);
  const cases: [
    gid: number,
    uids: number[],
    isPrivate: boolean,
    why: string,
  ][] = [
    [1000, [1000, 0], true, "the user's own, who is named in it as well"],
    [0, [0], true, "of root"],
    [1000, [1001, 0], false, "of another user"],
    [1001, [1001, 0], false, "ann is in bob's"],
    [1001, [1001, 1000], true, "both may"],
    [50, [1000, 0], false, "of several"],
    [100, [1002, 0], false, "the first group of two users"],
    [4711, [1000, 0], false, "which no file knows"],
  ];
  for (const [gid, uids, isPrivate, why] of cases) {
    assertEquals(isPrivateGroup(gid, uids, read), isPrivate, why);
  }
});

Deno.test("isPrivateGroup() believes nothing where the files are missing", () => {
  assertEquals(
    isPrivateGroup(1000, [1000], () => {
      throw new Deno.errors.NotFound("/etc/passwd");
    }),
    false,
  );
  assertEquals(isPrivateGroup(1000, [1000], files("", "")), false);
});
