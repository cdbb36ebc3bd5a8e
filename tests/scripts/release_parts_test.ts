import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/build.ts";
import { thirdPartyLicenses } from "../../scripts/release/licenses.ts";
import {
  directPackages,
  type Lock,
  lockedPackages,
  readPackages,
} from "../../scripts/release/packages.ts";
import { sbom, type SbomFacts } from "../../scripts/release/sbom.ts";
import type { Stage } from "../../scripts/release/stage.ts";
import { binaryName, TARGETS } from "../../scripts/release/targets.ts";
import { TempTree } from "./helpers.ts";

const INTEGRITY = "sha512-AAEC";
const LOCK: Lock = {
  version: "5",
  specifiers: { "npm:@scope/top@1.0.0": "1.0.0" },
  npm: {
    "@scope/top@1.0.0": {
      integrity: INTEGRITY,
      dependencies: ["leaf@2.0.0", "other"],
    },
    "leaf@1.0.0": { integrity: INTEGRITY },
    "leaf@2.0.0": { integrity: INTEGRITY },
    "other@3.0.0": { integrity: INTEGRITY },
  },
};

Deno.test("binaryName() tells the machine", () => {
  assertEquals(TARGETS.map((target) => binaryName("1.2.3", target)), [
    "netdisk-1.2.3-linux-x64",
    "netdisk-1.2.3-linux-arm64",
    "netdisk-1.2.3-macos-x64",
    "netdisk-1.2.3-macos-arm64",
    "netdisk-1.2.3-windows-x64.exe",
  ]);
});

Deno.test("lockedPackages() knows every package and which version is needed", () => {
  assertEquals(lockedPackages(LOCK)[0], {
    name: "@scope/top",
    version: "1.0.0",
    integrity: INTEGRITY,
    dependencies: ["leaf@2.0.0", "other@3.0.0"],
  });
  assertEquals(lockedPackages(LOCK).length, 4);
  assertEquals(directPackages(LOCK), ["@scope/top@1.0.0"]);
});

Deno.test("lockedPackages() refuses a lock that it does not know whole", () => {
  for (const more of [{ version: "6" }, { jsr: {} }, { remote: {} }]) {
    assertThrows(() => lockedPackages({ ...LOCK, ...more }), Error, "teach");
  }
  const npm = {
    "top@1.0.0": { integrity: INTEGRITY, dependencies: ["gone"] },
  };
  assertThrows(() => lockedPackages({ ...LOCK, npm }), Error, "lacks gone");
});

Deno.test("lockedPackages() reads the project's own lock", async () => {
  const text = await Deno.readTextFile(join(ROOT, "deno.lock"));
  const lock = JSON.parse(text) as Lock;
  const packages = lockedPackages(lock);
  assertEquals(packages.length, Object.keys(lock.npm!).length);
  const keys = packages.map(({ name, version }) => `${name}@${version}`);
  assertEquals(keys, Object.keys(lock.npm!));
  for (const key of directPackages(lock)) {
    assertEquals(keys.includes(key), true);
  }
});

/** The packages of {@link LOCK}, as they lie in a stage. */
async function makeStage(): Promise<{ tree: TempTree; stage: Stage }> {
  const manifest = (license: string) => JSON.stringify({ license });
  const tree = await TempTree.make({
    "source/deno.lock": JSON.stringify(LOCK),
    "npm/host/@scope/top/1.0.0/package.json": manifest("MIT"),
    "npm/host/@scope/top/1.0.0/LICENSE": "Be nice.\n",
    "npm/host/@scope/top/1.0.0/NOTICE.txt": "Seen.\n",
    "npm/host/leaf/1.0.0/package.json": manifest("0BSD"),
    "npm/host/leaf/1.0.0/license": "Be nice.\n\nSeen.",
    "npm/host/leaf/2.0.0/package.json": manifest("(MIT OR Apache-2.0)"),
    "npm/host/leaf/2.0.0/LICENSE-MIT": "Other words.",
    "npm/host/other/3.0.0/package.json": "{}",
  });
  const stage: Stage = {
    source: tree.path("source"),
    env: {},
    packageFolder: (name, version) => tree.path(`npm/host/${name}/${version}`),
  };
  return { tree, stage };
}

Deno.test("thirdPartyLicenses() has every package and each text once", async () => {
  const { tree, stage } = await makeStage();
  await using _ = tree;
  const text = thirdPartyLicenses(await readPackages(stage));
  assertStringIncludes(
    text,
    "\n@scope/top 1.0.0 (MIT)\nleaf 1.0.0 (0BSD)\n\nBe nice.\n\nSeen.\n",
  );
  assertEquals(text.split("Be nice.").length, 2);
  assertStringIncludes(
    text,
    "\nleaf 2.0.0 ((MIT OR Apache-2.0))\n\nOther words.\n",
  );
  assertStringIncludes(
    text,
    "\nother 3.0.0 (no licence named)\n\nIts package has no licence text",
  );
  // What the runtime is under asks for its words as well.
  assertStringIncludes(
    text,
    "the Deno authors\n\nPermission is hereby granted",
  );
  assertStringIncludes(
    text,
    "the V8 project authors. All rights reserved.\n\nRedi",
  );
});

async function facts(): Promise<SbomFacts> {
  const { tree, stage } = await makeStage();
  await using _ = tree;
  const url = "https://example.org/denort";
  return {
    version: "1.2.3",
    commit: "c0ffee",
    commitTime: 1_800_000_000,
    packages: await readPackages(stage),
    direct: directPackages(LOCK),
    deno: "2.8.3",
    runtimes: [
      {
        target: TARGETS[0]!,
        version: "2.6.10",
        sha256: "aa",
        isArchive: false,
        url,
      },
      {
        target: TARGETS[1]!,
        version: "2.8.3",
        sha256: "bb",
        isArchive: true,
        url,
      },
      {
        target: TARGETS[2]!,
        version: undefined,
        sha256: "cc",
        isArchive: false,
        url: undefined,
      },
    ],
  };
}

Deno.test("sbom() lists packages with hash, licence and what they need", async () => {
  const { components, dependencies, ...rest } = JSON.parse(
    sbom(await facts()),
  );
  assertEquals([rest.bomFormat, rest.specVersion], ["CycloneDX", "1.6"]);
  assertEquals(rest.metadata.timestamp, "2027-01-15T08:00:00.000Z");
  assertEquals(rest.metadata.component.version, "1.2.3");
  assertEquals(rest.metadata.tools.components[0].version, "2.8.3");
  assertEquals(components[0], {
    type: "library",
    "bom-ref": "pkg:npm/%40scope/top@1.0.0",
    group: "@scope",
    name: "top",
    version: "1.0.0",
    scope: "required",
    hashes: [{ alg: "SHA-512", content: "000102" }],
    licenses: [{ license: { id: "MIT" } }],
    purl: "pkg:npm/%40scope/top@1.0.0",
  });
  assertEquals(components[2].licenses, [{ expression: "(MIT OR Apache-2.0)" }]);
  assertEquals("licenses" in components[3], false);
  assertEquals(dependencies[0].dependsOn, [
    "pkg:npm/%40scope/top@1.0.0",
    "denort-x86_64-unknown-linux-gnu",
    "denort-aarch64-unknown-linux-gnu",
    "denort-x86_64-apple-darwin",
  ]);
  assertEquals(dependencies[1], {
    ref: "pkg:npm/%40scope/top@1.0.0",
    dependsOn: ["pkg:npm/leaf@2.0.0", "pkg:npm/other@3.0.0"],
  });
});

Deno.test("sbom() tells the hash of a runtime, or of the archive that it comes in", async () => {
  const { components } = JSON.parse(sbom(await facts()));
  const [own, archived, named] = components.slice(4);
  const url = "https://example.org/denort";
  assertEquals(own.hashes, [{ alg: "SHA-256", content: "aa" }]);
  assertEquals(own.externalReferences, [{ type: "distribution", url }]);
  assertEquals(own.purl, "pkg:github/denoland/deno@v2.6.10");
  assertEquals("hashes" in archived, false);
  assertEquals(archived.externalReferences, [{
    type: "distribution",
    url,
    hashes: [{ alg: "SHA-256", content: "bb" }],
  }]);
  assertEquals(named.hashes, [{ alg: "SHA-256", content: "cc" }]);
  assertEquals(["version" in named, "purl" in named], [false, false]);
});

Deno.test("sbom() refers only to what it lists, once, and has a number of its own", async () => {
  const text = sbom(await facts());
  const { components, dependencies, metadata } = JSON.parse(text);
  const refs = [metadata.component, ...components].map((component) =>
    component["bom-ref"]
  );
  assertEquals(new Set(refs).size, refs.length);
  assertEquals(
    dependencies.map(({ ref }: { ref: string }) => ref).sort(),
    [...refs].sort(),
  );
  for (const { dependsOn = [] } of dependencies) {
    for (const ref of dependsOn) assertEquals(refs.includes(ref), true, ref);
  }
  const number = (text: string) => JSON.parse(text).serialNumber;
  assertEquals(
    /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(number(text)),
    true,
  );
  assertEquals(sbom(await facts()), text);
  const other = sbom({ ...await facts(), version: "1.2.4" });
  assertEquals(number(other) === number(text), false);
});
