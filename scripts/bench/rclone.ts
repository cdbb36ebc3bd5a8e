/** rclone with its own WebDAV server on TLS. */
import { join } from "@std/path";
import { writeCertificate } from "./certificate.ts";
import { startOnFreePort } from "./ports.ts";
import { findProgram, runWell, Service } from "./process.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Stage,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";

/** The server's name among the client's settings. */
const REMOTE = "bench";

/** Starts the server, which ends with the stack. Throws Unavailable. */
export async function openRclone(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const program = findProgram("rclone");
  if (!program) throw new Unavailable("not installed: rclone");
  const dir = join(stage.dir, "rclone");
  const far = join(dir, "far");
  await Deno.mkdir(far, { recursive: true });
  const { certificate, key } = await writeCertificate(dir);
  const settings = join(dir, "rclone.conf");
  await Deno.writeTextFile(settings, "");
  const env = {
    ...stage.env,
    RCLONE_CONFIG: settings,
    RCLONE_CACHE_DIR: join(dir, "cache"),
  };
  const rclone = (...args: string[]): CommandLine => ({
    program,
    args,
    cwd: dir,
    env,
  });

  const { service, port } = await startOnFreePort((port) =>
    new Service(
      rclone(
        ...["serve", "webdav", far, "--addr", `127.0.0.1:${port}`],
        ...["--cert", certificate, "--key", key],
        // It would not notice that what it got has been removed.
        ...["--dir-cache-time", "0"],
      ),
    ), { signal: stage.signal, stack });
  for (const sample of stage.samples) await linkSample(sample, far);
  const { stdout } = await runWell(rclone("version"), stage.signal);

  const remote = `RCLONE_CONFIG_${REMOTE.toUpperCase()}`;
  const client = {
    ...env,
    [`${remote}_TYPE`]: "webdav",
    [`${remote}_URL`]: `https://127.0.0.1:${port}`,
    [`${remote}_VENDOR`]: "other",
  };
  const copy = (from: string, to: string): CommandLine => ({
    ...rclone("copy", "--no-check-certificate", from, to),
    env: client,
  });
  return {
    tools: [{
      name: "rclone",
      far,
      put: ({ name, folder }) => copy(folder, `${REMOTE}:${ARRIVALS}/${name}`),
      get: ({ name }, to) => copy(`${REMOTE}:${name}`, join(to, name)),
    }],
    version: stdout.split("\n")[0]!.trim(),
    log: () => service.log,
  };
}
