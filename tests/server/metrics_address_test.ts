import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { parseMetricsAddress } from "../../server/metrics_address.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "--metrics takes addresses of this machine, with a port or without",
  pure,
  () => {
    const cases: [text: string, hostname: string, port: number][] = [
      ["127.0.0.1:9463", "127.0.0.1", 9463],
      ["127.0.0.1", "127.0.0.1", 9463],
      ["127.8.8.8:0", "127.8.8.8", 0],
      ["localhost:1", "127.0.0.1", 1],
      ["[::1]:65535", "::1", 65535],
      ["[::1]", "::1", 9463],
    ];
    for (const [text, hostname, port] of cases) {
      assertEquals(
        parseMetricsAddress(text, "--metrics"),
        { hostname, port },
        text,
      );
    }
  },
);

Deno.test(
  "--metrics refuses what others could reach, and says what to do instead",
  pure,
  () => {
    const others = ["0.0.0.0", "[::]:9463", "192.0.2.1:1", "disk.example.org"];
    for (const text of [...others, "[fe80::1]", "127.0.0.1.example.org:1"]) {
      const error = assertThrows(
        () => parseMetricsAddress(text, "--metrics"),
        NetdiskError,
      );
      assertEquals(error.code, "usage");
      assert(error.message.includes("not on this machine"), error.message);
      assert(error.hint?.includes("tunnel"));
    }
  },
);

Deno.test("--metrics refuses what is no address", pure, () => {
  const bad = [
    "",
    ":9463",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "::1",
    "[::1",
    "a:b",
  ];
  for (const text of bad) {
    const error = assertThrows(
      () => parseMetricsAddress(text, "--metrics"),
      NetdiskError,
    );
    assertEquals(error.message, `--metrics: '${text}' is not HOST:PORT`);
  }
});

Deno.test("--metrics with a port alone: the hint has an address", pure, () => {
  const error = assertThrows(
    () => parseMetricsAddress("9464", "--metrics"),
    NetdiskError,
  );
  assertEquals(error.code, "usage");
  assertEquals(error.hint, "--metrics 127.0.0.1:9464");
});
