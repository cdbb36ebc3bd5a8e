/**
 * What a release must be: a commit of main that everybody can get, whose files
 * agree on the version. Each fault is one line that says what to do.
 */
import { join } from "@std/path";
import { run } from "../compile.ts";
import { changelogFault } from "./changelog.ts";

/** The only branch that is released. */
const BRANCH = "main";

/** All that decides whether a commit can be released. */
export interface ReleaseFacts {
  /** That of deno.json, which the program takes its own from. */
  version: string;
  /** What differs from the commit, and files that are in none. */
  changed: readonly string[];
  /** Undefined where HEAD is on none. */
  branch: string | undefined;
  /** Full name of HEAD. */
  commit: string;
  /** Seconds since 1970. */
  commitTime: number;
  /** Tags of HEAD that are a version, `v1.2.3`. */
  tags: readonly string[];
  /** The commit that has this version's tag, if one has. */
  tagged: string | undefined;
  changelog: string;
  readme: string;
  /** This Deno, and the one that the tests are run with. */
  deno: { running: string; pinned: string | undefined };
}

/** Reads the facts of the project in a folder. @throws Error where git fails */
export async function readFacts(
  root: string,
  signal?: AbortSignal,
): Promise<ReleaseFacts> {
  const read = (path: string) => Deno.readTextFile(join(root, path));
  const git = async (...args: string[]) => {
    const options = { program: "git", cwd: root, signal };
    const { success, stdout, stderr } = await run(args, options);
    if (!success) throw new Error(`git ${args[0]}: ${stderr.trim()}`);
    return stdout.trimEnd().split("\n").filter((line) => line !== "");
  };
  const { version } = JSON.parse(await read("deno.json"));
  const [branch] = await git("branch", "--show-current");
  const [head = ""] = await git("log", "-1", "--format=%H %ct");
  const [commit = "", commitTime = ""] = head.split(" ");
  const tags = await git("tag", "--points-at", "HEAD");
  const [tag] = await git(
    "for-each-ref",
    "--format=%(objectname) %(*objectname)",
    `refs/tags/v${version}`,
  );
  return {
    version,
    changed: await git("status", "--porcelain"),
    branch,
    commit,
    commitTime: Number(commitTime),
    tags: tags.filter((name) => /^v\d/.test(name)),
    // Of an annotated tag the commit comes second.
    tagged: tag?.trim().split(" ").at(-1),
    changelog: await read("CHANGELOG.md"),
    readme: await read("README.md"),
    deno: {
      running: Deno.version.deno,
      pinned: /^pinned=deno@(\S+)$/m.exec(await read(".ci/run"))?.[1],
    },
  };
}

/** Why there can be no release; empty where there can. */
export function refusals(facts: ReleaseFacts): string[] {
  const { version, changed, branch, tags, tagged, commit, deno } = facts;
  const tag = `v${version}`;
  const found: (string | undefined)[] = [];
  if (changed.length > 0) {
    const more = changed.length > 1 ? ` and ${changed.length - 1} more` : "";
    found.push(
      `${
        changed[0]!.slice(3)
      }${more} is not as in the commit: commit or remove it`,
    );
  }
  // A tag is checked out without a branch, as by a machine that makes releases.
  if (branch !== BRANCH && !(branch === undefined && tags.includes(tag))) {
    found.push(
      branch === undefined
        ? `no branch is checked out, nor the tag ${tag}: git switch ${BRANCH}`
        : `the branch is ${branch}: git switch ${BRANCH}`,
    );
  }
  if (tagged !== undefined && tagged !== commit) {
    found.push(
      `${tag} is the tag of ${
        tagged.slice(0, 10)
      } already: raise the version in deno.json`,
    );
  }
  const others = tags.filter((name) => name !== tag);
  if (others.length > 0) {
    found.push(
      `HEAD is tagged ${
        others.join(", ")
      }, deno.json says ${version}: make them the same`,
    );
  }
  found.push(
    changelogFault(facts.changelog, version),
    readmeFault(facts.readme, version),
  );
  if (deno.running !== deno.pinned) {
    found.push(
      `this is Deno ${deno.running}, .ci/run tests with ${deno.pinned}: npx -y deno@${deno.pinned} task release`,
    );
  }
  return found.filter((line) => line !== undefined);
}

/** Where the README names another version than this one. */
export function readmeFault(
  readme: string,
  version: string,
): string | undefined {
  for (const [index, line] of readme.split("\n").entries()) {
    for (const [, named] of line.matchAll(/\bnetdisk[ -]v?(\d+\.\d+\.\d+)/g)) {
      if (named === version) continue;
      return `README.md:${
        index + 1
      } names netdisk ${named}: make it ${version}`;
    }
  }
  return undefined;
}
