/** The licences of what is in a binary beside netdisk's own code. Pure. */
import type { Package } from "./packages.ts";

/** One text for all packages that have the same one. */
export function thirdPartyLicenses(packages: readonly Package[]): string {
  const groups = new Map<string, string[]>();
  for (const { name, version, license, licenseText } of packages) {
    const text = licenseText ??
      `Its package has no licence text; package.json says: ${license ?? "-"}`;
    const names = groups.get(text) ?? [];
    names.push(`${name} ${version} (${license ?? "no licence named"})`);
    groups.set(text, names);
  }
  const parts = [...groups].map(([text, names]) =>
    `${names.join("\n")}\n\n${text}`
  );
  return [HEAD, ...parts].join(`\n\n${"-".repeat(72)}\n\n`) + "\n";
}

const HEAD = `What is in the netdisk programs beside netdisk itself.

The runtime is denort, a part of Deno (https://deno.com), MIT licence,
Copyright 2018-2026 the Deno authors. It contains V8 (BSD licence) and other
components; https://github.com/denoland/deno has their licences.

The packages follow, with the licences that they come with.`;
