/** Says which permissions this Worker was given. */

const ASKED: Deno.PermissionDescriptor[] = [
  ...(["read", "write", "net", "env", "run", "ffi", "sys", "import"] as const)
    .map((name) => ({ name })),
  { name: "sys", kind: "networkInterfaces" },
];

const granted = ASKED.filter((permission) =>
  Deno.permissions.querySync(permission).state === "granted"
);
(globalThis as unknown as { postMessage(data: unknown): void })
  .postMessage(granted);
