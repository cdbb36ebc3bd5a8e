/** Every file below a folder, by its path from there; folders are not told. */

import { join } from "@std/path";

export function filesBelow(folder: string): string[] {
  const files: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory) files.push(name);
    else {
      const below = filesBelow(join(folder, name));
      files.push(...below.map((file) => `${name}/${file}`));
    }
  }
  return files.sort();
}
