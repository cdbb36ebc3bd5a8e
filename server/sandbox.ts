/**
 * The sandboxes of Workers that strangers speak to: which permissions each gets,
 * and the proof at every start that it has no others. A server that could reach
 * more than its storage root does not start.
 */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress } from "../protocol/link.ts";

/** What a Worker may be allowed; `false` is not at all. */
export interface SandboxPermissions {
  read: string[] | false;
  write: string[] | false;
  net: string[];
  env: false;
  run: false;
  ffi: false;
  sys: ["statfs"] | false;
  import: false;
}

/** The storage root and the address to listen on, nothing else. */
export function sandboxPermissions(
  root: string,
  hostname: string,
  port: number,
): SandboxPermissions {
  return {
    read: [root],
    write: [root],
    net: [formatAddress(hostname, port)],
    env: false,
    run: false,
    ffi: false,
    // How much room the disk has.
    sys: ["statfs"],
    import: false,
  };
}

/** As {@link SandboxPermissions}, of the Worker that lets others find the server. */
export interface DiscoveryPermissions {
  read: false;
  write: false;
  /** Whoever asks is answered. */
  net: true;
  env: false;
  run: false;
  ffi: false;
  /** Who is near, and where to listen. */
  sys: ["networkInterfaces"];
  import: false;
}

export const DISCOVERY_PERMISSIONS: DiscoveryPermissions = {
  read: false,
  write: false,
  net: true,
  env: false,
  run: false,
  ffi: false,
  sys: ["networkInterfaces"],
  import: false,
};

/** Leave to listen on one address, and for nothing else. */
export function listenPermissions(
  hostname: string,
  port: number,
): SandboxPermissions {
  return {
    ...sandboxPermissions("", hostname, port),
    read: false,
    write: false,
    sys: false,
  };
}

/** Trees that Deno keeps from whoever has not all permissions, whichever others he has. */
const GUARDED_TREES: Readonly<Record<string, readonly string[]>> = {
  linux: ["/dev", "/proc", "/sys"],
  darwin: ["/dev"],
};

/**
 * Where a storage root can be in no sandbox, in words; undefined for any other.
 *
 * @param root a real, absolute path
 */
export function guardedPlace(
  root: string,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  // Anything but a path that begins with a drive.
  if (os === "windows") {
    return /^[a-z]:\\/i.test(root) ? undefined : "on a network share";
  }
  const tree = GUARDED_TREES[os]?.find((tree) =>
    root === tree || root.startsWith(`${tree}/`)
  );
  return tree && `below ${tree}`;
}

type Attempts = Record<string, () => unknown>;

/** An address that is nobody's to listen on or to connect to. */
const ELSEWHERE = { hostname: "127.9.9.9", port: 9 };

/**
 * Tries, from inside the sandbox, what must not be possible. Importing code is
 * not tried: nothing here imports what a client names, and the compiled runtime
 * does not ask for a permission before it loads a local module.
 *
 * @returns what was refused, for the log
 * @throws NetdiskError `internal` naming what was possible
 */
export function checkSandbox(root: string): Promise<string[]> {
  const outside = dirname(root);
  const link = join(root, ".netdisk", "link");
  return refusalsOf({
    ...forbiddenToAll(outside),
    link: () => Deno.symlinkSync(outside, link),
    ...toOthers(),
  });
}

/** The same with {@link listenPermissions}: no file at all may be reached. */
export function checkListenSandbox(): Promise<string[]> {
  return refusalsOf({ ...forbiddenToAll("/"), ...toOthers() });
}

/** The same with {@link DISCOVERY_PERMISSIONS}, which have the whole network. */
export function checkDiscoverySandbox(): Promise<string[]> {
  return refusalsOf(forbiddenToAll("/"));
}

/** What no Worker may; of files, in the folder `outside`. */
function forbiddenToAll(outside: string): Attempts {
  const stranger = join(outside, `.netdisk-${crypto.randomUUID()}`);
  return {
    read: () => Deno.lstatSync(outside),
    write: () => Deno.mkdirSync(stranger),
    // A full path, or it would be looked for before it is refused.
    run: () => new Deno.Command(stranger).outputSync(),
    env: () => Deno.env.get("HOME"),
    sys: () => Deno.hostname(),
    ffi: () => Deno.dlopen("libc.so.6", {}),
  };
}

function toOthers(): Attempts {
  return {
    connect: () => Deno.connect(ELSEWHERE),
    listen: () => Deno.listen(ELSEWHERE),
  };
}

async function refusalsOf(attempts: Attempts): Promise<string[]> {
  const refused: string[] = [];
  for (const [name, attempt] of Object.entries(attempts)) {
    if (await isRefused(attempt)) refused.push(name);
    else {
      throw new NetdiskError(
        "internal",
        `the sandbox of a Worker has a hole (${name})`,
        {
          hint: "this is a bug in netdisk or in its runtime, please report it",
        },
      );
    }
  }
  return refused;
}

/** Only Deno's own refusal counts: a missing file would prove nothing. */
async function isRefused(attempt: () => unknown): Promise<boolean> {
  try {
    const result = await attempt();
    if (result && typeof result === "object" && "close" in result) {
      (result as { close(): void }).close();
    }
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotCapable;
  }
}
