import { assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { checkStorageRoot } from "../../server/storage_root.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const isRoot = Deno.uid() === 0;
const uid = Deno.uid() ?? 0;
const NOBODY = 65534;
/** Of no file, and so nobody's own. */
const STRANGE_GROUP = 4711;

/** A root as a server makes it, `disk` in a folder of its own. */
function makeRoot() {
  const folder = tempFolder();
  const base = Deno.realPathSync(folder.path);
  const root = `${base}/disk`;
  for (const path of [root, `${root}/.netdisk`, `${root}/users`]) {
    Deno.mkdirSync(path, { mode: 0o700 });
  }
  return {
    base,
    root,
    refusal(path = root, user: "serve" | "admin" = "serve") {
      const error = assertThrows(
        () => checkStorageRoot(path, user),
        NetdiskError,
      );
      assertEquals(error.code, "local-io");
      return [error.message, error.hint];
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

Deno.test("checkStorageRoot() takes a root as it is made, and one that is still to be made", () => {
  using made = makeRoot();
  checkStorageRoot(made.root, "serve");
  checkStorageRoot(`${made.root}/`, "serve");
  checkStorageRoot(`${made.base}/new/disk`, "serve");
  Deno.removeSync(`${made.root}/users`);
  checkStorageRoot(made.root, "serve");
  // Others may look at the root and at the names of users.
  Deno.chmodSync(made.root, 0o755);
  checkStorageRoot(made.root, "serve");
});

Deno.test("checkStorageRoot() refuses what others may write to, with the command that mends it", () => {
  for (const name of ["", "/.netdisk", "/users"]) {
    using made = makeRoot();
    const path = `${made.root}${name}`;
    Deno.chmodSync(path, 0o702);
    const hint = `chmod go-w '${path}'`;
    assertEquals(made.refusal(), [`${path}: others may write to it`, hint]);
    const { success } = new Deno.Command("sh", { args: ["-c", hint] })
      .outputSync();
    assertEquals(success, true);
    if (name !== "/.netdisk") checkStorageRoot(made.root, "serve");
  }
});

Deno.test("checkStorageRoot() refuses a root like /tmp, and leaves that as it is", () => {
  using made = makeRoot();
  Deno.chmodSync(made.root, 0o1777);
  assertEquals(made.refusal(), [
    `${made.root}: others may write to it`,
    `netdisk serve --root '${made.root}/netdisk-data'`,
  ]);
  checkStorageRoot(`${made.root}/netdisk-data`, "serve");
});

Deno.test("checkStorageRoot() refuses .netdisk when others may look into it", () => {
  using made = makeRoot();
  const path = `${made.root}/.netdisk`;
  for (const mode of [0o750, 0o705, 0o701]) {
    Deno.chmodSync(path, mode);
    assertEquals(made.refusal(), [
      `${path}: others may look into it`,
      `chmod 700 '${path}'`,
    ]);
  }
});

Deno.test("checkStorageRoot() refuses a folder above in which others may rename", () => {
  using made = makeRoot();
  Deno.chmodSync(made.base, 0o777);
  const refusal = [
    `${made.base}: others may exchange what is in this folder`,
    `chmod go-w '${made.base}'`,
  ];
  assertEquals(made.refusal(), refusal);
  assertEquals(made.refusal(`${made.base}/new/deep`), refusal);
  Deno.chmodSync(made.base, 0o1777);
  checkStorageRoot(made.root, "serve");
});

Deno.test("checkStorageRoot() refuses a root that is a link, whatever it leads to", () => {
  using made = makeRoot();
  const link = `${made.base}/it's`;
  Deno.symlinkSync("disk", link);
  for (const path of [link, `${link}/`, `${link}/.`]) {
    assertEquals(made.refusal(path), [
      `${link}: the root is a link`,
      `netdisk serve --root '${made.root}'`,
    ]);
  }
  assertEquals(
    made.refusal(link, "admin")[1],
    `netdisk admin --root '${made.root}'`,
  );
  Deno.removeSync(link);
  Deno.symlinkSync("nowhere", link);
  assertEquals(made.refusal(link)[1], "netdisk serve --root 'nowhere'");
});

Deno.test("checkStorageRoot() refuses links in the root", () => {
  using made = makeRoot();
  for (const name of [".netdisk", "users"]) {
    const path = `${made.root}/${name}`;
    Deno.renameSync(path, `${made.base}/elsewhere`);
    Deno.symlinkSync(`../elsewhere`, path);
    const hint = `rm '${path}' && mv '${made.base}/elsewhere' '${path}'`;
    assertEquals(made.refusal(), [`${path}: it is a link`, hint]);
    new Deno.Command("sh", { args: ["-c", hint] }).outputSync();
    checkStorageRoot(made.root, "serve");
  }
});

Deno.test("checkStorageRoot() follows links above, and looks at all that they pass", () => {
  using made = makeRoot();
  const { base } = made;
  // link -> a/second -> ../open/real, with the root in it
  Deno.mkdirSync(`${base}/a`);
  Deno.mkdirSync(`${base}/open/real/disk`, { recursive: true });
  Deno.symlinkSync(`${base}/a/second`, `${base}/link`);
  Deno.symlinkSync("../open/real", `${base}/a/second`);
  checkStorageRoot(`${base}/link/disk`, "serve");
  for (const name of ["a", "open", "open/real"]) {
    const path = `${base}/${name}`;
    const { mode } = Deno.statSync(path);
    Deno.chmodSync(path, 0o777);
    assertEquals(made.refusal(`${base}/link/disk`)[1], `chmod go-w '${path}'`);
    Deno.chmodSync(path, mode! & 0o777);
  }
  Deno.symlinkSync("loop", `${base}/loop`);
  checkStorageRoot(`${base}/loop/disk`, "serve");
});

Deno.test({
  name:
    "checkStorageRoot() refuses what a group may write to, and what belongs to others",
  ignore: !isRoot,
  fn() {
    using made = makeRoot();
    const { root, base } = made;
    Deno.chownSync(root, 0, STRANGE_GROUP);
    Deno.chmodSync(root, 0o770);
    assertEquals(made.refusal(), [
      `${root}: its group may write to it`,
      `chmod go-w '${root}'`,
    ]);
    Deno.chmodSync(root, 0o750);
    checkStorageRoot(root, "serve");

    Deno.chownSync(root, NOBODY, NOBODY);
    assertEquals(made.refusal(), [
      `${root}: it belongs to another user (uid ${NOBODY})`,
      `chown ${uid} '${root}'`,
    ]);
    assertEquals(made.refusal(root, "admin"), [
      `${root}: it belongs to another user (uid ${NOBODY})`,
      `sudo -u '#${NOBODY}' netdisk admin ...`,
    ]);
    Deno.chownSync(root, uid, null);

    Deno.chownSync(base, NOBODY, null);
    Deno.chmodSync(base, 0o1755);
    assertEquals(made.refusal(), [
      `${base}: a folder above the root belongs to another user (uid ${NOBODY})`,
      `sudo -u '#${NOBODY}' netdisk ..., or choose another folder with --root DIR`,
    ]);
  },
});

Deno.test({
  name:
    "checkStorageRoot() refuses another user's link above, where its folder is everybody's",
  ignore: !isRoot,
  fn() {
    using made = makeRoot();
    Deno.chmodSync(made.base, 0o1777);
    const link = `${made.base}/link`;
    Deno.mkdirSync(`${made.base}/safe/disk`, { recursive: true, mode: 0o700 });
    Deno.symlinkSync("safe", link);
    checkStorageRoot(`${link}/disk`, "serve");
    new Deno.Command("chown", { args: ["-h", `${NOBODY}`, link] }).outputSync();
    assertEquals(
      made.refusal(`${link}/disk`)[0],
      `${link}: this link belongs to another user (uid ${NOBODY})`,
    );
  },
});
