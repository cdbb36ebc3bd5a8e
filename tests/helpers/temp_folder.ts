/** A folder for one test, removed with all that is in it. */

export interface TempFolder extends Disposable {
  path: string;
}

export function tempFolder(): TempFolder {
  const path = Deno.makeTempDirSync({ prefix: "netdisk-test-" });
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
