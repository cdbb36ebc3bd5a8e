import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { listenPermissions, sandboxPermissions } from "../../server/sandbox.ts";

type Verdict = { refused?: string[]; error?: string };

/** The verdict of a Worker that checks its own permissions, or what `program` does. */
async function checkWith(
  permissions: unknown,
  root: string,
  program = "../helpers/sandbox_worker.ts",
): Promise<Verdict> {
  const module = new URL(program, import.meta.url);
  const options = { type: "module", deno: { permissions } } as WorkerOptions;
  const worker = new Worker(module, options);
  try {
    return await new Promise<Verdict>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Verdict>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(root);
    });
  } finally {
    worker.terminate();
  }
}

async function inRoot(test: (root: string) => Promise<void>): Promise<void> {
  const base = Deno.realPathSync(await Deno.makeTempDir());
  const root = join(base, "root");
  try {
    await Deno.mkdir(join(root, ".netdisk"), { recursive: true });
    await test(root);
    // Nothing of the attempts is left, inside or beside the root.
    assertEquals([...Deno.readDirSync(base)].map(({ name }) => name), ["root"]);
    assertEquals([...Deno.readDirSync(join(root, ".netdisk"))], []);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("checkSandbox() finds every way out closed with the server's permissions", () =>
  inRoot(async (root) => {
    const verdict = await checkWith(
      sandboxPermissions(root, "127.0.0.1", 0),
      root,
    );
    assertEquals(verdict, {
      refused: [
        "read",
        "write",
        "link",
        "connect",
        "listen",
        "run",
        "env",
        "sys",
        "ffi",
      ],
    });
  }));

for (
  const [name, extra] of Object.entries({
    read: { read: true },
    connect: { net: true },
    run: { run: true },
    env: { env: true },
    sys: { sys: true },
  })
) {
  Deno.test(`checkSandbox() reports a hole in '${name}'`, () =>
    inRoot(async (root) => {
      const permissions = {
        ...sandboxPermissions(root, "127.0.0.1", 0),
        ...extra,
      };
      const { error } = await checkWith(permissions, root);
      assertMatch(error ?? "", /the sandbox has a hole \((\S+)\)/);
    }));
}

Deno.test("the server's permissions let it ask the disk how much room there is", () =>
  inRoot(async (root) => {
    const verdict = await checkWith(
      sandboxPermissions(root, "127.0.0.1", 0),
      root,
      "./free_space_worker.ts",
    );
    assertEquals(verdict, { refused: ["disk-full"] });
  }));

Deno.test("who only listens may do nothing else, not even in the root", () =>
  inRoot(async (root) => {
    const permissions = listenPermissions("127.0.0.1", 0);
    const { net, ...others } = permissions;
    assertEquals(net, ["127.0.0.1:0"]);
    for (const [name, allowed] of Object.entries(others)) {
      assertEquals(allowed, false, name);
    }
    const { refused } = await checkWith(permissions, root);
    assertEquals(refused?.length, 9);
  }));
