/**
 * The bill of materials of a release: CycloneDX 1.6 as JSON. Pure, and the same
 * for the same release: its time is the commit's, its number a hash of the rest.
 */
import { createHash } from "node:crypto";
import type { Package } from "./packages.ts";
import type { Target } from "./targets.ts";

/** The denort in a binary. */
export interface RuntimeFacts {
  target: Target;
  version: string | undefined;
  /** Of the denort, or of the archive that it comes in, in hex. */
  sha256: string;
  isArchive: boolean;
  /** Where anybody can get it. */
  url: string | undefined;
}

/** Everything that is listed. */
export interface SbomFacts {
  version: string;
  commit: string;
  /** Seconds since 1970. */
  commitTime: number;
  packages: readonly Package[];
  /** `name@version` of those that the program itself asks for. */
  direct: readonly string[];
  runtimes: readonly RuntimeFacts[];
  /** The version of the Deno that bundles, by an esbuild of its choice, and compiles. */
  deno: string;
}

/** The document, as text. */
export function sbom(facts: SbomFacts): string {
  const { version, commit, commitTime, packages, direct, runtimes, deno } =
    facts;
  const program = `pkg:generic/netdisk@${version}`;
  const rest = {
    version: 1,
    metadata: {
      timestamp: new Date(commitTime * 1000).toISOString(),
      tools: {
        components: [{ type: "application", name: "deno", version: deno }],
      },
      component: {
        type: "application",
        "bom-ref": program,
        name: "netdisk",
        version,
        purl: program,
        licenses: [{ license: { id: "MIT" } }],
        properties: [{ name: "netdisk:commit", value: commit }],
      },
    },
    components: [
      ...packages.map(packageComponent),
      ...runtimes.map(runtimeComponent),
    ],
    dependencies: [
      {
        ref: program,
        dependsOn: [...direct.map(purlOf), ...runtimes.map(runtimeRef)],
      },
      ...packages.map(({ name, version, dependencies }) => ({
        ref: purlOf(`${name}@${version}`),
        dependsOn: dependencies.map(purlOf),
      })),
      ...runtimes.map((runtime) => ({ ref: runtimeRef(runtime) })),
    ],
  };
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(rest))}`,
    ...rest,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function packageComponent({ name, version, integrity, license }: Package) {
  const purl = purlOf(`${name}@${version}`);
  const at = name.lastIndexOf("/");
  return {
    type: "library",
    "bom-ref": purl,
    ...(at < 0 ? {} : { group: name.slice(0, at) }),
    name: name.slice(at + 1),
    version,
    scope: "required",
    hashes: [sha512Of(integrity)],
    ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    purl,
  };
}

function runtimeComponent(runtime: RuntimeFacts) {
  const { target, version, sha256, isArchive, url } = runtime;
  const hashes = [{ alg: "SHA-256", content: sha256 }];
  return {
    type: "platform",
    "bom-ref": runtimeRef(runtime),
    name: "denort",
    // Of one that a person has named only its hash is known.
    ...(version === undefined ? {} : { version }),
    description: `The runtime in netdisk for ${target.name}`,
    ...(isArchive ? {} : { hashes }),
    licenses: [{ license: { id: "MIT" } }],
    ...(version === undefined
      ? {}
      : { purl: `pkg:github/denoland/deno@v${version}` }),
    ...(url === undefined ? {} : {
      externalReferences: [
        { type: "distribution", url, ...(isArchive ? { hashes } : {}) },
      ],
    }),
  };
}

function runtimeRef({ target }: RuntimeFacts): string {
  return `denort-${target.triple}`;
}

/** The name of an npm package in the language of bills; its `@` is escaped. */
function purlOf(key: string): string {
  return `pkg:npm/${key.replace(/^@/, "%40")}`;
}

/** An id of the SPDX list, or an expression of several. */
function licenseOf(license: string) {
  return /[ (]/.test(license)
    ? { expression: license }
    : { license: { id: license } };
}

function sha512Of(integrity: string): { alg: string; content: string } {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`no SHA-512: ${integrity}`);
  const bytes = Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
  return { alg: "SHA-512", content: bytes.toHex() };
}

/** A UUID of version 8, which may be made of anything. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
