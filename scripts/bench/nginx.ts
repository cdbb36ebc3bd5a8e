/** curl with an nginx of its own that takes WebDAV's PUT, on TLS. */
import { userInfo } from "node:os";
import { join } from "@std/path";
import { writeCertificate } from "./certificate.ts";
import { startOnFreePort } from "./ports.ts";
import { findProgram, run, runWell, Service } from "./process.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Stage,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";

const WORKERS = 2;

/** Starts the server, which ends with the stack. Throws Unavailable. */
export async function openNginx(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<ToolGroup> {
  const [nginx, curl] = ["nginx", "curl"].map((name) => findProgram(name));
  if (!nginx || !curl) throw new Unavailable("not installed: nginx, curl");
  const { env, signal } = stage;
  const dir = join(stage.dir, "nginx");
  const far = join(dir, "far");
  await Deno.mkdir(far, { recursive: true });
  await writeCertificate(dir);
  const command = (program: string, ...args: string[]): CommandLine => ({
    program,
    args,
    cwd: dir,
    env,
  });
  const { stderr: built } = await run(command(nginx, "-V"), signal);
  if (!built.includes("http_dav_module")) {
    throw new Unavailable("this nginx is built without WebDAV");
  }

  const { service, port } = await startOnFreePort(async (port) => {
    const config = join(dir, "nginx.conf");
    await Deno.writeTextFile(config, configuration(dir, port));
    const args = ["-p", dir, "-c", config, "-e", "stderr"];
    return new Service(command(nginx, ...args));
  }, { signal, stack });
  for (const sample of stage.samples) await linkSample(sample, far);
  const { stdout } = await runWell(command(curl, "--version"), signal);

  const url = (path: string) => `https://127.0.0.1:${port}/${path}`;
  const curlOf = (...args: string[]) =>
    // -q: without the user's settings.
    command(curl, "-q", "--silent", "--show-error", "--fail", "-k", ...args);
  return {
    tools: [{
      name: "curl and nginx",
      far,
      put: ({ name, folder, files }) =>
        curlOf(...files.flatMap((file) => [
          ...["-T", join(folder, file)],
          url(`${ARRIVALS}/${name}/${file}`),
        ])),
      get: ({ name, files }, to) =>
        curlOf(
          "--create-dirs",
          ...files.flatMap((file) => [
            ...["-o", join(to, name, file)],
            url(`${name}/${file}`),
          ]),
        ),
    }],
    version: `${/nginx\/\S+/.exec(built)?.[0]}; ${
      stdout.split(" ").slice(0, 2).join(" ")
    }`,
    log: () => service.log,
  };
}

function configuration(dir: string, port: number): string {
  const user = Deno.uid() === 0 ? `user ${userInfo().username};` : "";
  const unused = ["proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
${user}
worker_processes ${WORKERS};
pid ${dir}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  client_max_body_size 0;
  # Beside the target, so that an upload is renamed, not copied.
  client_body_temp_path ${dir}/body;
  ${unused.map((name) => `${name}_temp_path ${dir}/${name};`).join("\n  ")}
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate certificate.pem;
    ssl_certificate_key key.pem;
    root ${dir}/far;
    location / {
      dav_methods PUT;
      create_full_put_path on;
    }
  }
}
`;
}
