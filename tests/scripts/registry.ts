/** npm registries on loopback, all with the same small package of the old kind (CommonJS). */

import { assert } from "@std/assert";
import { createHash } from "node:crypto";
import { TempTree } from "./helpers.ts";

const NAME = "tiny";
const VERSION = "1.0.0";
const TARBALL = `${NAME}-${VERSION}.tgz`;

/** Registries, of which the processes that this one starts use the one last named. */
export class Registries implements AsyncDisposable {
  readonly #tarball: Uint8Array<ArrayBuffer>;
  readonly #integrity: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #before = Deno.env.get("NPM_CONFIG_REGISTRY");

  private constructor(tarball: Uint8Array<ArrayBuffer>) {
    this.#tarball = tarball;
    const hash = createHash("sha512").update(tarball).digest("base64");
    this.#integrity = `sha512-${hash}`;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url }) => this.#answer(url),
    );
  }

  static async start(): Promise<Registries> {
    return new Registries(await pack());
  }

  /** A deno.lock with the package. */
  get lock(): string {
    const tarball = this.#origin + TARBALL;
    return JSON.stringify({
      version: "5",
      specifiers: { [`npm:${NAME}@${VERSION}`]: VERSION },
      npm: { [`${NAME}@${VERSION}`]: { integrity: this.#integrity, tarball } },
    });
  }

  /** @param name one's name, a part of its address */
  use(name: string): void {
    Deno.env.set("NPM_CONFIG_REGISTRY", `${this.#origin}${name}/`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#before === undefined) Deno.env.delete("NPM_CONFIG_REGISTRY");
    else Deno.env.set("NPM_CONFIG_REGISTRY", this.#before);
    await this.#server.shutdown();
  }

  get #origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  #answer(url: string): Response {
    if (url.endsWith(`/${TARBALL}`)) return new Response(this.#tarball);
    if (!url.endsWith(`/${NAME}`)) return new Response(null, { status: 404 });
    const dist = {
      tarball: this.#origin + TARBALL,
      integrity: this.#integrity,
    };
    return Response.json({
      name: NAME,
      "dist-tags": { latest: VERSION },
      versions: { [VERSION]: { name: NAME, version: VERSION, dist } },
    });
  }
}

/** The package, which exports the word `netdisk`. */
async function pack(): Promise<Uint8Array<ArrayBuffer>> {
  await using tree = await TempTree.make({
    "package/package.json": JSON.stringify({ name: NAME, version: VERSION }),
    "package/index.js": 'module.exports = "netdisk";\n',
  });
  const { success, stdout } = await new Deno.Command("tar", {
    args: ["-cz", "package"],
    cwd: tree.dir,
  }).output();
  assert(success);
  return stdout;
}
