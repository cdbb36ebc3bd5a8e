/** A folder of files made on the spot, and a script run as a process in it. */
import { dirname, join } from "@std/path";
import { ROOT } from "../../scripts/build.ts";

/** A temporary folder that `await using` removes. */
export class TempTree implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Makes the folder and writes the files, named by their paths in it. */
  static async make(files: Record<string, string> = {}): Promise<TempTree> {
    const tree = new TempTree(
      await Deno.realPath(
        await Deno.makeTempDir({ prefix: "netdisk-scripts-" }),
      ),
    );
    for (const [path, text] of Object.entries(files)) {
      await tree.write(path, text);
    }
    return tree;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(dirname(this.path(path)), { recursive: true });
    await Deno.writeTextFile(this.path(path), text);
  }

  /** Copies files of the project to the same place in this folder. */
  async copyFromProject(...paths: string[]): Promise<void> {
    for (const path of paths) {
      await this.write(path, await Deno.readTextFile(join(ROOT, path)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** What a process said and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a script by its path, without colours. */
export async function runScript(
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
