/** A folder for one test, removed with all that is in it. */

export interface TempFolder extends Disposable {
  path: string;
}

/** `dir` is where it is made, if not in the system's place for such. */
export function tempFolder(dir?: string): TempFolder {
  const path = Deno.makeTempDirSync({
    prefix: "netdisk-test-",
    ...(dir === undefined ? {} : { dir }),
  });
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
