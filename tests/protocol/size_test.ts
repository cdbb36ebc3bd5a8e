import { assertEquals } from "@std/assert";
import { parseSize } from "../../protocol/size.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const pure = { permissions: "none" } as const;

Deno.test(
  "parseSize() takes bytes, with a unit or without, and no percent",
  pure,
  () => {
    const cases: [text: string, bytes: number | undefined][] = [
      ["0", 0],
      ["4096", 4096],
      ["1K", KIB],
      ["1.5m", 1.5 * MIB],
      ["10G", 10 * GIB],
      ["8191T", 8191 * 1024 * GIB],
      ["8192T", undefined],
      ["5%", undefined],
      ["-1", undefined],
      ["1GB", undefined],
      ["", undefined],
      [" 1", undefined],
      ["1e3", undefined],
    ];
    for (const [text, bytes] of cases) {
      assertEquals(parseSize(text), bytes, text);
    }
  },
);
