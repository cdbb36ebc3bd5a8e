/**
 * The packages of deno.lock, with what these need in turn: whatever may be in a
 * binary.
 */
import { join } from "@std/path";
import { namesIn } from "../files.ts";
import type { Stage } from "./stage.ts";

/** One package, exactly. */
export interface Package {
  name: string;
  version: string;
  /** Of its tarball, as npm writes it: `sha512-BASE64`. */
  integrity: string;
  /** `name@version` of what it needs. */
  dependencies: string[];
  /** As its package.json says. */
  license: string | undefined;
  /** What it has in its file of that name, if it has one. */
  licenseText: string | undefined;
}

/** What is read here of deno.lock, version 5. */
export interface Lock {
  version: string;
  specifiers: Record<string, string>;
  npm?: Record<string, { integrity: string; dependencies?: string[] }>;
  /** Other sources of code than npm, of which nothing is known here. */
  jsr?: unknown;
  remote?: unknown;
}

/** Reads the lock and the packages of a stage. @throws Error for a lock of another kind */
export async function readPackages(stage: Stage): Promise<Package[]> {
  const text = await Deno.readTextFile(join(stage.source, "deno.lock"));
  return await Promise.all(
    lockedPackages(JSON.parse(text)).map(async (locked) => {
      const folder = stage.packageFolder(locked.name, locked.version);
      const manifest = await Deno.readTextFile(join(folder, "package.json"));
      const { license } = JSON.parse(manifest) as { license?: unknown };
      return {
        ...locked,
        license: typeof license === "string" ? license : undefined,
        licenseText: await licenseIn(folder),
      };
    }),
  );
}

/** What the lock says of each package. @throws Error for a lock of another kind */
export function lockedPackages(
  { version, npm = {}, jsr, remote }: Lock,
): Omit<Package, "license" | "licenseText">[] {
  if (version !== "5" || jsr !== undefined || remote !== undefined) {
    throw new Error(
      "deno.lock has more than npm packages, or another form: teach scripts/release/packages.ts",
    );
  }
  const keys = Object.keys(npm);
  return keys.map((key) => {
    const { integrity, dependencies = [] } = npm[key]!;
    return {
      ...splitKey(key),
      integrity,
      dependencies: dependencies.map((name) => keyOf(name, keys)),
    };
  });
}

/** The direct ones, as `name@version`. */
export function directPackages({ specifiers }: Lock): string[] {
  return Object.entries(specifiers).map(([specifier, version]) => {
    const name = specifier.slice("npm:".length);
    return `${name.slice(0, name.lastIndexOf("@"))}@${version}`;
  });
}

/** The lock leaves the version out where there is only one. */
function keyOf(dependency: string, keys: string[]): string {
  const found = keys.find((key) =>
    key === dependency || key.slice(0, key.lastIndexOf("@")) === dependency
  );
  if (found === undefined) throw new Error(`deno.lock lacks ${dependency}`);
  return found;
}

function splitKey(key: string): { name: string; version: string } {
  const at = key.lastIndexOf("@");
  return { name: key.slice(0, at), version: key.slice(at + 1) };
}

async function licenseIn(folder: string): Promise<string | undefined> {
  const texts: string[] = [];
  for (const name of await namesIn(folder)) {
    if (!/^(licen[sc]e|copying|notice)([.-].*)?$/i.test(name)) continue;
    texts.push((await Deno.readTextFile(join(folder, name))).trim());
  }
  return texts.length === 0 ? undefined : texts.join("\n\n");
}
