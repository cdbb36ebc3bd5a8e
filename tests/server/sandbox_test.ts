import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import {
  DISCOVERY_PERMISSIONS,
  guardedPlace,
  listenPermissions,
  sandboxPermissions,
} from "../../server/sandbox.ts";
import type { Question } from "../helpers/sandbox_worker.ts";

/** What no Worker may. */
const FORBIDDEN_TO_ALL = ["read", "write", "run", "env", "sys", "ffi"];

type Verdict = { refused?: string[]; error?: string };

/** The verdict of a Worker that checks its own permissions. */
function checkWith(
  permissions: unknown,
  root: string,
  check: Question["check"] = "checkSandbox",
): Promise<Verdict> {
  const question: Question = { check, root };
  return ask("../helpers/sandbox_worker.ts", permissions, question);
}

/** What a Worker with these permissions answers. */
async function ask(
  program: string,
  permissions: unknown,
  question: unknown,
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
      worker.postMessage(question);
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
        ...FORBIDDEN_TO_ALL,
        "link",
        "connect",
        "listen",
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
      assertMatch(error ?? "", /has a hole \((\S+)\)/);
    }));
}

Deno.test(
  "guardedPlace() knows where the server's permissions open nothing",
  { ignore: Deno.build.os !== "linux" },
  () =>
    inRoot(async (root) => {
      const look = (place: string) =>
        checkWith(sandboxPermissions(place, "127.0.0.1", 0), place, "look");
      for (const place of ["/dev", "/dev/shm", "/proc", "/sys/kernel"]) {
        const tree = /^\/\w+/.exec(place)![0];
        assertEquals(guardedPlace(place), `below ${tree}`);
        assertMatch((await look(place)).error ?? "", /^Requires all access/);
      }
      for (const place of [root, "/etc", "/run", "/tmp", "/var"]) {
        assertEquals(guardedPlace(place), undefined);
        assertEquals(await look(place), { refused: [] });
      }
      assertEquals(guardedPlace("/devices"), undefined);
    }),
);

Deno.test("guardedPlace() on the other systems", () => {
  assertEquals(guardedPlace("/dev/x", "darwin"), "below /dev");
  assertEquals(guardedPlace("/proc/x", "darwin"), undefined);
  assertEquals(guardedPlace("C:\\disk", "windows"), undefined);
  assertEquals(
    guardedPlace("\\\\nas\\disk", "windows"),
    "on a network share",
  );
});

Deno.test("the server's permissions let it ask the disk how much room there is", () =>
  inRoot(async (root) => {
    const permissions = sandboxPermissions(root, "127.0.0.1", 0);
    const verdict = await ask("./free_space_worker.ts", permissions, root);
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
    const verdict = await checkWith(permissions, root, "checkListenSandbox");
    assertEquals(verdict, {
      refused: [...FORBIDDEN_TO_ALL, "connect", "listen"],
    });
  }));

Deno.test("who lets others find the server may do nothing but that", () =>
  inRoot(async (root) => {
    const verdict = await checkWith(
      DISCOVERY_PERMISSIONS,
      root,
      "checkDiscoverySandbox",
    );
    assertEquals(verdict, { refused: FORBIDDEN_TO_ALL });
  }));

for (
  const [check, permissions, extra] of [
    ["checkListenSandbox", listenPermissions("127.0.0.1", 0), { net: true }],
    ["checkListenSandbox", listenPermissions("127.0.0.1", 0), { read: true }],
    ["checkDiscoverySandbox", DISCOVERY_PERMISSIONS, { read: true }],
    ["checkDiscoverySandbox", DISCOVERY_PERMISSIONS, { sys: true }],
    ["checkDiscoverySandbox", DISCOVERY_PERMISSIONS, { env: true }],
  ] as const
) {
  Deno.test(`${check}() reports ${JSON.stringify(extra)}`, () =>
    inRoot(async (root) => {
      const more = { ...permissions, ...extra };
      const { error } = await checkWith(more, root, check);
      assertMatch(error ?? "", /has a hole \((\S+)\)/);
    }));
}
