/** The machines that a release is made for. */

/** One machine, as Deno and as people call it. */
export interface Target {
  /** As `deno compile --target` takes it. */
  triple: string;
  /** In the names of files. */
  name: string;
}

export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-gnu", name: "linux-x64" },
  { triple: "aarch64-unknown-linux-gnu", name: "linux-arm64" },
  { triple: "x86_64-apple-darwin", name: "macos-x64" },
  { triple: "aarch64-apple-darwin", name: "macos-arm64" },
  { triple: "x86_64-pc-windows-msvc", name: "windows-x64" },
];

/** What people download: one file, named after what it runs on. */
export function binaryName(version: string, { name }: Target): string {
  const ending = name.startsWith("windows-") ? ".exe" : "";
  return `netdisk-${version}-${name}${ending}`;
}
