import { createHash } from "node:crypto";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../../scripts/build.ts";
import { namesIn } from "../../scripts/files.ts";
import { readChangelog } from "../../scripts/release/changelog.ts";
import {
  readFacts,
  readmeFault,
  refusals,
  type ReleaseFacts,
} from "../../scripts/release/refusals.ts";
import { TARGETS } from "../../scripts/release/targets.ts";
import { makeRelease } from "../../scripts/release.ts";
import { TempTree } from "./helpers.ts";
import { Registries } from "./registry.ts";

const HOST = TARGETS.filter(({ triple }) => triple === Deno.build.target);
const HAS_NPM_RUNTIME = Deno.build.target === "x86_64-unknown-linux-gnu";

const CHANGELOG = "# Changelog\n\n## 1.2.3 - 2026-01-02\n\n- It works.\n\n" +
  "## 1.2.2 - 2025-01-02\n\n- It began.\n";

const GOOD: ReleaseFacts = {
  version: "1.2.3",
  changed: [],
  branch: "main",
  commit: "c0ffee0000",
  commitTime: 1_800_000_000,
  tags: [],
  tagged: undefined,
  changelog: CHANGELOG,
  readme: "    netdisk 1.2.3 serving ./disk\n",
  deno: { running: "2.8.3", pinned: "2.8.3" },
};

const CASES: [what: string, facts: Partial<ReleaseFacts>, line?: string][] = [
  ["the main branch", {}],
  ["a commit with its tag", { tags: ["v1.2.3"], tagged: GOOD.commit }],
  ["a tag without a branch", {
    branch: undefined,
    tags: ["v1.2.3"],
    tagged: GOOD.commit,
  }],
  [
    "a changed file",
    { changed: [" M main.ts"] },
    "main.ts is not as in the commit: commit or remove it",
  ],
  [
    "several",
    { changed: ["?? notes", " M main.ts", " M b.ts"] },
    "notes and 2 more is not as in the commit: commit or remove it",
  ],
  [
    "another branch",
    { branch: "topic" },
    "the branch is topic: git switch main",
  ],
  [
    "another branch at the tag",
    { branch: "topic", tags: ["v1.2.3"], tagged: GOOD.commit },
    "the branch is topic: git switch main",
  ],
  [
    "no branch and no tag",
    { branch: undefined },
    "no branch is checked out, nor the tag v1.2.3: git switch main",
  ],
  [
    "a version that is out",
    { tagged: "0123456789abcdef" },
    "v1.2.3 is the tag of 0123456789 already: raise the version in deno.json",
  ],
  [
    "another tag",
    { tags: ["v1.3.0"] },
    "HEAD is tagged v1.3.0, deno.json says 1.2.3: make them the same",
  ],
  [
    "a changelog of the version before",
    { changelog: CHANGELOG.slice(CHANGELOG.indexOf("## 1.2.2")) },
    'CHANGELOG.md begins with 1.2.2: write an entry "## 1.2.3 - YYYY-MM-DD" at its top',
  ],
  [
    "a changelog without entries",
    { changelog: "# Changelog\n" },
    'CHANGELOG.md begins with no version: write an entry "## 1.2.3 - YYYY-MM-DD" at its top',
  ],
  [
    "changes of no version above",
    { changelog: `## Unreleased\n\n- More.\n\n${CHANGELOG}` },
    'CHANGELOG.md begins with Unreleased: write an entry "## 1.2.3 - YYYY-MM-DD" at its top',
  ],
  [
    "an entry without its date",
    { changelog: CHANGELOG.replace("2026-01-02", "not released yet") },
    'CHANGELOG.md has no date for 1.2.3: make its heading "## 1.2.3 - YYYY-MM-DD"',
  ],
  [
    "an empty entry",
    { changelog: CHANGELOG.replace("- It works.\n", "") },
    "CHANGELOG.md says nothing of 1.2.3: write what has changed",
  ],
  [
    "a README of another version",
    { readme: "# netdisk\n\n    netdisk-1.2.2-linux-x64 serve\n" },
    "README.md:3 names netdisk 1.2.2: make it 1.2.3",
  ],
  [
    "another Deno",
    { deno: { running: "2.9.6", pinned: "2.8.3" } },
    "this is Deno 2.9.6, .ci/run tests with 2.8.3: npx -y deno@2.8.3 task release",
  ],
];

for (const [what, facts, line] of CASES) {
  const verb = line === undefined ? "takes" : "refuses";
  Deno.test(`refusals() ${verb} ${what}`, { permissions: "none" }, () => {
    assertEquals(
      refusals({ ...GOOD, ...facts }),
      line === undefined ? [] : [line],
    );
  });
}

Deno.test("refusals() tells all there is", { permissions: "none" }, () => {
  const found = refusals({ ...GOOD, changed: ["?? a"], changelog: "" });
  assertEquals(found.length, 2);
});

Deno.test("CHANGELOG.md and README.md name the version of deno.json", async () => {
  const read = (name: string) => Deno.readTextFile(join(ROOT, name));
  const [newest] = readChangelog(await read("CHANGELOG.md"));
  assertEquals(newest!.version, config.version);
  assert(newest!.text !== "");
  assertEquals(readmeFault(await read("README.md"), config.version), undefined);
});

/** A project of one file that can be released, in a repository of its own. */
async function makeProject(
  files: Record<string, string> = {},
): Promise<TempTree> {
  const project = await TempTree.make({
    "deno.json": '{ "version": "1.2.3" }',
    "deno.lock": '{ "version": "5", "specifiers": {} }',
    "main.ts": `console.log("netdisk", ...Deno.args);`,
    "server/worker.ts": "",
    "client/completions/netdisk.bash": "",
    ".gitignore": "/dist/\n",
    ".ci/run": `pinned=deno@${Deno.version.deno}\n`,
    "CHANGELOG.md": CHANGELOG,
    "README.md": "# netdisk\n",
    "LICENSE": "Do what you like.\n",
    ...files,
  });
  await git(project, "init", "--quiet", "--initial-branch=main");
  await commit(project);
  return project;
}

async function commit(project: TempTree): Promise<void> {
  await git(project, "add", "--all");
  await git(project, "commit", "--quiet", "--message=x");
}

async function git(project: TempTree, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", {
    args: ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args],
    cwd: project.dir,
    env: {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_COMMITTER_DATE: "1800000000 +0000",
      GIT_AUTHOR_DATE: "1800000000 +0000",
    },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("readFacts() reads a repository", async () => {
  await using project = await makeProject();
  const clean = await readFacts(project.dir);
  assertEquals(refusals(clean), []);
  assertEquals(clean.commitTime, 1_800_000_000);
  assertEquals(clean.branch, "main");

  await git(project, "tag", "--annotate", "--message=x", "v1.2.3");
  await git(project, "tag", "unrelated");
  const tagged = await readFacts(project.dir);
  assertEquals(tagged.tags, ["v1.2.3"]);
  assertEquals(tagged.tagged, clean.commit);
  await git(project, "switch", "--quiet", "--detach");
  assertEquals(refusals(await readFacts(project.dir)), []);

  await project.write("notes", "");
  await project.write("main.ts", "");
  const dirty = await readFacts(project.dir);
  assertEquals(dirty.changed, [" M main.ts", "?? notes"]);
  await git(project, "switch", "--quiet", "--create", "topic");
  await commit(project);
  const later = await readFacts(project.dir);
  assertEquals([later.branch, later.tags], ["topic", []]);
  assertEquals(later.tagged, clean.commit);
});

Deno.test({
  name: "makeRelease() makes the same files anywhere, with their sums",
  ignore: !HAS_NPM_RUNTIME,
  async fn() {
    const releases: Record<string, string>[] = [];
    await using registries = await Registries.start();
    for (const registry of ["one", "another"]) {
      registries.use(registry);
      await using project = await makeProject({
        "main.ts": `import netdisk from "npm:tiny@1.0.0";\n` +
          `console.log(netdisk, ...Deno.args);`,
        "deno.lock": registries.lock,
      });
      // Neither this nor the folder's name may be in what is made.
      await project.write("dist/release/1.2.3/old", "");
      const facts = await readFacts(project.dir);
      const outcomes = await makeRelease(project.dir, { facts, targets: HOST });
      assert(outcomes[0]!.bytes! > 0);
      releases.push(await hashesIn(project.path("dist/release/1.2.3")));
      assertEquals(await namesIn(project.path("dist/release")), ["1.2.3"]);
      if (registry === "one") await checkContent(project);
    }
    assertEquals(releases[0], releases[1]);
    assertEquals(Object.keys(releases[0]!), [
      "LICENSE",
      "RELEASE_NOTES.md",
      "SHA256SUMS",
      "THIRD_PARTY_LICENSES.txt",
      "_netdisk",
      "netdisk-1.2.3-linux-x64",
      "netdisk-1.2.3.cdx.json",
      "netdisk.1",
      "netdisk.bash",
      "netdisk.fish",
    ]);
  },
});

async function checkContent(project: TempTree): Promise<void> {
  const folder = project.path("dist/release/1.2.3");
  const read = (name: string) => Deno.readTextFile(join(folder, name));
  assertEquals(await read("netdisk.bash"), "netdisk completions bash\n");
  assertEquals(await read("_netdisk"), "netdisk completions zsh\n");
  assertEquals(await read("netdisk.fish"), "netdisk completions fish\n");
  assertEquals(await read("netdisk.1"), "netdisk man\n");
  assertEquals(await read("RELEASE_NOTES.md"), "- It works.\n");
  const { success } = await new Deno.Command("sha256sum", {
    args: ["--check", "--strict", "--quiet", "SHA256SUMS"],
    cwd: folder,
  }).output();
  assert(success);
  const sums = (await read("SHA256SUMS")).trim().split("\n");
  assertEquals(sums.length, (await namesIn(folder)).length - 1);
}

Deno.test({
  name: "makeRelease() leaves nothing where the program does not tell its part",
  ignore: !HAS_NPM_RUNTIME,
  async fn() {
    await using project = await makeProject();
    await project.write(
      "main.ts",
      `if (Deno.args[0] === "--version") console.log("netdisk 1.2.3");`,
    );
    await commit(project);
    const facts = await readFacts(project.dir);
    await assertRejects(
      () => makeRelease(project.dir, { facts, targets: HOST }),
      Error,
      "netdisk completions bash failed: it printed nothing",
    );
    assertEquals(await namesIn(project.path("dist/release")), []);
  },
});

Deno.test("makeRelease() refuses where nothing made runs here", async () => {
  await using project = await makeProject();
  const facts = await readFacts(project.dir);
  const error = await assertRejects(
    () => makeRelease(project.dir, { facts, targets: [] }),
    Error,
  );
  assertStringIncludes(error.message, "nothing could be tried out");
  assertEquals(await namesIn(project.path("dist/release")), []);
});

async function hashesIn(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of await namesIn(folder)) {
    const bytes = await Deno.readFile(join(folder, name));
    hashes[name] = createHash("sha256").update(bytes).digest("hex");
  }
  return hashes;
}
