/** CHANGELOG.md: entries `## VERSION - YYYY-MM-DD`, the newest first. */

/** What is written of one version. */
export interface ChangelogEntry {
  version: string;
  /** What follows the version in the heading; of a release, its date. */
  state: string;
  /** Without the heading. */
  text: string;
}

/** All entries, in their order. */
export function readChangelog(changelog: string): ChangelogEntry[] {
  return changelog.split(/^## /m).slice(1).map((part) => {
    const [heading = "", ...lines] = part.split("\n");
    const [version = "", state = ""] = heading.trim().split(" - ", 2);
    return { version, state, text: lines.join("\n").trim() };
  });
}

/** Why a version cannot be released with this changelog, and what to do. */
export function changelogFault(
  changelog: string,
  version: string,
): string | undefined {
  const [first] = readChangelog(changelog);
  const wanted = `"## ${version} - YYYY-MM-DD"`;
  if (first?.version !== version) {
    const found = first ? `with ${first.version}` : "with no version";
    return `CHANGELOG.md begins ${found}: write an entry ${wanted} at its top`;
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(first.state)) {
    return `CHANGELOG.md has no date for ${version}: make its heading ${wanted}`;
  }
  if (first.text === "") {
    return `CHANGELOG.md says nothing of ${version}: write what has changed`;
  }
  return undefined;
}
