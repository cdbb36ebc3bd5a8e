import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { command } from "../../server/serve.ts";

type Options = Parameters<typeof command.run>[0]["options"];

const OPTIONS: Options = {
  config: undefined,
  root: undefined,
  listen: undefined,
  registration: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  minFree: undefined,
  quota: undefined,
  keepPartials: undefined,
  maxConnections: undefined,
  minRate: undefined,
  metrics: undefined,
  logFormat: undefined,
  noDiscovery: false,
  plain: false,
};

/** The message with which these options are refused, before anything is done. */
async function faultOf(options: Partial<Options>): Promise<string> {
  const output = {
    print() {},
    record() {},
    flush() {},
    notice() {},
  };
  // Where a root could not even be made, nothing else is complained about.
  const root = `${import.meta.filename}/netdisk`;
  const error = await assertRejects(
    () => command.run({ options: { ...OPTIONS, root, ...options }, output }),
    NetdiskError,
  );
  if (error.code !== "usage") return error.code;
  assert(error.hint?.includes("netdisk help serve"));
  return error.message;
}

Deno.test("--listen takes HOST, HOST:PORT and :PORT, with brackets around IPv6", async () => {
  const good = [
    "127.0.0.1",
    "localhost:0",
    "0.0.0.0:65535",
    ":7000",
    "[::1]:0",
    "[::]",
    "disk.example.org:6375",
  ];
  for (const listen of good) {
    assertEquals(await faultOf({ listen }), "local-io", listen);
  }
  const bad = [
    "",
    "host:65536",
    "host:99999999",
    "host:x",
    "host:",
    "host:80:90",
    "[::1]:80:90",
    "7000",
    "::1",
    "fe80::1:80",
    "a b:80",
    "host/:80",
    "netdisk://host:80",
    "[::1",
    "user@host:80",
  ];
  for (const listen of bad) {
    assertEquals(
      await faultOf({ listen }),
      `--listen: '${listen}' is not HOST:PORT`,
    );
  }
});

Deno.test("a certificate needs its key, and excludes --plain", async () => {
  const noKey = "--tls-cert: it needs tls-key as well";
  const noCert = "--tls-key: it needs tls-cert as well";
  const exclude = "--plain: it excludes tls-cert";
  assertEquals(await faultOf({ tlsCert: "c.pem" }), noKey);
  assertEquals(await faultOf({ tlsKey: "k.pem" }), noCert);
  assertEquals(await faultOf({ tlsKey: "k.pem", plain: true }), noCert);
  const both = { tlsCert: "c.pem", tlsKey: "k.pem" };
  assertEquals(await faultOf({ ...both, plain: true }), exclude);
  assertEquals(await faultOf(both), "local-io");
});

Deno.test("--keep-partials takes a number of days", async () => {
  for (const keepPartials of ["0", "7", "3650"]) {
    assertEquals(await faultOf({ keepPartials }), "local-io", keepPartials);
  }
  for (const keepPartials of ["", "-1", "7d", "1.5", "for ever", "10000"]) {
    assertEquals(
      await faultOf({ keepPartials }),
      `--keep-partials: '${keepPartials}' is no number of days from 0 to 9999`,
    );
  }
});

Deno.test("--max-connections takes a number", async () => {
  for (const maxConnections of ["1", "10000", "1000000"]) {
    assertEquals(await faultOf({ maxConnections }), "local-io");
  }
  for (const maxConnections of ["", "0", "-1", "1.5", "10K", "12345678"]) {
    assertEquals(
      await faultOf({ maxConnections }),
      `--max-connections: '${maxConnections}' is no number of connections from 1 to 9999999`,
    );
  }
});

Deno.test("--min-rate takes a size", async () => {
  for (const minRate of ["0", "1024", "1K", "2m"]) {
    assertEquals(await faultOf({ minRate }), "local-io", minRate);
  }
  for (const minRate of ["", "-1", "5%", "1KB/s", "slow"]) {
    assertEquals(
      await faultOf({ minRate }),
      `--min-rate: '${minRate}' is no size such as 1K, 100K or 0`,
    );
  }
});

Deno.test("--min-free takes a size or a part of the disk", async () => {
  for (const minFree of ["0", "4096", "500M", "2g", "1.5T", "5%", "0.5%"]) {
    assertEquals(await faultOf({ minFree }), "local-io", minFree);
  }
  for (const minFree of ["", "M", "-1", "500MB", "5 %", "100%", "lots"]) {
    assertEquals(
      await faultOf({ minFree }),
      `--min-free: '${minFree}' is no size such as 500M, 2G or 5%`,
    );
  }
});

Deno.test("--quota takes a size, or none", async () => {
  for (const quota of ["0", "4096", "500M", "2g", "1.5T", "none"]) {
    assertEquals(await faultOf({ quota }), "local-io", quota);
  }
  for (const quota of ["", "M", "-1", "500MB", "5%", "None", "lots"]) {
    assertEquals(
      await faultOf({ quota }),
      `--quota: '${quota}' is no size such as 500M or 10G, and not none`,
    );
  }
});
