/** Local paths as people type them. */

/**
 * The path with slashes only, as the client works with it: on Windows a backslash
 * separates as well. What begins with `\\?\` or `\\.\` Windows takes literally.
 */
export function localPath(
  path: string,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  if (os !== "windows" || /^\\\\[?.]\\/.test(path)) return path;
  return path.replaceAll("\\", "/");
}
