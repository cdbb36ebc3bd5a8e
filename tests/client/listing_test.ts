import { assertEquals, assertThrows } from "@std/assert";
import { ListingBounds } from "../../client/listing.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Entry } from "../../protocol/messages.ts";

const page: Entry[] = Array.from({ length: 4096 }, (_, i) => ({
  name: `file-${i}`,
  kind: "file",
  size: 0,
  mtime: null,
  executable: false,
}));

/** How many names pass, page by page, and why no more do. */
function accepted(bounds: ListingBounds, entries: Entry[]): [number, string] {
  let names = 0;
  const error = assertThrows(() => {
    for (;; names += entries.length) bounds.add({ entries, more: true });
  }, ProtocolError);
  return [names, error.violation];
}

Deno.test("ListingBounds: who holds a listing takes two million names, who shows it fifty", () => {
  const [held, why] = accepted(new ListingBounds(true), page);
  assertEquals([Math.round(held / 1e6), why], [2, "too-long"]);
  const [shown] = accepted(new ListingBounds(false), page);
  assertEquals(Math.round(shown / 1e6), 50);
});

Deno.test("ListingBounds: some empty pages may come, and not one after the other for ever", () => {
  const bounds = new ListingBounds(false);
  for (let i = 0; i < 10_000; i++) {
    bounds.add({ entries: i % 10 === 0 ? page.slice(0, 1) : [], more: true });
  }
  assertEquals(accepted(bounds, []), [0, "bad-message"]);
  bounds.add({ entries: [], more: false });
});
