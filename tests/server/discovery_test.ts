import { assertEquals } from "@std/assert";
import { machineName, startDiscovery } from "../../server/discovery.ts";
import { DISCOVERY_PERMISSIONS } from "../../server/sandbox.ts";

Deno.test("machineName(): the first label, in characters that may be shown", () => {
  const cases: [hostname: string, name: string][] = [
    ["attic", "attic"],
    ["attic.example.org", "attic"],
    ["Annas-Mac.local", "Annas-Mac"],
    ["Annas Mac", "Annas-Mac"],
    ["büro\x1b[2J", "b-ro-2J"],
    ["a".repeat(70), "a".repeat(64)],
    ["", "netdisk"],
    [".", "netdisk"],
  ];
  for (const [hostname, name] of cases) {
    assertEquals(machineName(hostname), name);
  }
});

Deno.test("startDiscovery() starts nothing where no reply would be right", () => {
  const server = {
    port: 7000,
    plain: false,
    fingerprint: "f".repeat(43),
    host: null,
    registration: "invite",
  } as const;
  const started: unknown[] = [];
  const { Worker } = globalThis;
  globalThis.Worker = class {
    constructor(...args: unknown[]) {
      started.push(args);
    }
    postMessage() {}
    terminate() {}
  } as unknown as typeof Worker;
  try {
    startDiscovery("fd00::2", server).close();
    // A certificate for `attic` alone is nothing that a stranger can look up.
    const host = "attic";
    startDiscovery("0.0.0.0", { ...server, fingerprint: null, host }).close();
    assertEquals(started.length, 0);
    startDiscovery("0.0.0.0", server).close();
    assertEquals(started.length, 1);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("the discovery Worker has the network and nothing else", async () => {
  const module = new URL("../helpers/permissions_worker.ts", import.meta.url);
  const options = {
    type: "module",
    deno: { permissions: DISCOVERY_PERMISSIONS },
  } as WorkerOptions;
  const worker = new Worker(module, options);
  try {
    const granted = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
    assertEquals(granted, [
      { name: "net" },
      { name: "sys", kind: "networkInterfaces" },
    ]);
  } finally {
    worker.terminate();
  }
});
