import { assertEquals } from "@std/assert";
import { inSamePlace, placeWords } from "../../client/same_place.ts";

const WORDS = ["--server", "home"];

for (
  const [hint, expected] of [
    ["netdisk mkdir -p a", "netdisk mkdir --server home -p a"],
    [
      "to empty it: netdisk rm -r '/{*,.*}'",
      "to empty it: netdisk rm --server home -r '/{*,.*}'",
    ],
    [
      "netdisk mv a NAME gives it another",
      "netdisk mv --server home a NAME gives it another",
    ],
    [
      "netdisk inbox get 3 --to a/",
      "netdisk inbox get --server home 3 --to a/",
    ],
    [
      "tar cf a.tar a && netdisk send bob a.tar",
      "tar cf a.tar a && netdisk send --server home bob a.tar",
    ],
    ["netdisk get -r a --server home", "netdisk get -r a --server home"],
    ["netdisk help put", "netdisk help put"],
    ["netdisk login anna --server b", "netdisk login anna --server b"],
    ["chmod 600 a", "chmod 600 a"],
  ] as const
) {
  Deno.test(`inSamePlace() of: ${hint}`, () => {
    assertEquals(inSamePlace(hint, WORDS), expected);
    assertEquals(inSamePlace(hint, []), hint);
  });
}

Deno.test("placeWords() names server and account as they were given", () => {
  assertEquals(placeWords({}), []);
  assertEquals(placeWords({ server: undefined, plain: false }), []);
  assertEquals(
    placeWords({ server: "a b", user: "ben", cacert: "c.pem", plain: true }),
    ["--server", "'a b'", "--user", "ben", "--cacert", "c.pem", "--plain"],
  );
});

Deno.test("a text with a replacement pattern is taken as it is", () => {
  assertEquals(
    inSamePlace("netdisk ls", ["--cacert", "'$&'"]),
    "netdisk ls --cacert '$&'",
  );
});
