import { assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { Listings, MAX_LISTINGS_PER_USER } from "../../server/listings.ts";

Deno.test("a user who lists too much at once is refused, others are not", () => {
  const listings = new Listings();
  const begun = Array.from(
    { length: MAX_LISTINGS_PER_USER },
    () => listings.begin("ann"),
  );
  assertThrows(() => listings.begin("ann"), NetdiskError, "too many listings");
  listings.begin("bob");
  begun[0]![Symbol.dispose]();
  listings.begin("ann");
  assertThrows(() => listings.begin("ann"), NetdiskError, "too many listings");
});
