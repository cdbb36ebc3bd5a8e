import { assert, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { MAX_OPEN_FOLDERS } from "../../server/privileged_calls.ts";
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

Deno.test("a few users who list all they can leave room for others", () => {
  const listings = new Listings();
  const most = (user: string) => {
    let count = 0;
    for (; count < MAX_OPEN_FOLDERS; count++) {
      try {
        listings.begin(user);
      } catch {
        break;
      }
    }
    return count;
  };
  let taken = 0;
  for (let user = 0; user < 12; user++) taken += most(`user${user}`);
  const others = Array.from({ length: 4 }, (_, user) => most(`late${user}`));
  assert(taken + others.reduce((a, b) => a + b) <= MAX_OPEN_FOLDERS);
  assert(others.every((count) => count >= 1), `${others}`);
});
