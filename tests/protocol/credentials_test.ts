import { assert, assertEquals } from "@std/assert";
import {
  FINGERPRINT,
  INVITE,
  MAX_PASSWORD_BYTES,
  MIN_PASSWORD_BYTES,
  passwordFault,
  TOKEN,
  userNameFault,
} from "../../protocol/credentials.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "userNameFault() accepts the names that SPEC.md 5 allows",
  pure,
  () => {
    const good = [
      "a",
      "7",
      "ada",
      "ada.l-_",
      "a..b",
      "0-",
      "a".repeat(32),
      "con",
    ];
    for (const user of good) assertEquals(userNameFault(user), undefined, user);
  },
);

Deno.test("userNameFault() refuses all others", pure, () => {
  const bad = [
    ...["", " ", ".a", "-a", "_a", ".", "..", "A", "adA", "a b", " a", "a "],
    ...["a\n", "\na", "a\0", "a/b", "a\\b", "../a", "a@b", "a:b", "é", "аda"],
    ...["ſ", "K", "１", "😀", "\ud800", "a".repeat(33), "a".repeat(10_000)],
  ];
  for (const user of bad) {
    assert(userNameFault(user)?.startsWith("a user name is 1 to 32"), user);
  }
});

Deno.test("userNameFault() knows every character", pure, () => {
  const first = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (let code = 0; code < 0x3000; code++) {
    const char = String.fromCharCode(code);
    assertEquals(userNameFault(char) === undefined, first.includes(char), char);
    const later = (first + "._-").includes(char);
    assertEquals(userNameFault(`a${char}`) === undefined, later, char);
  }
});

Deno.test("passwordFault() counts bytes of UTF-8, not characters", pure, () => {
  const least = `a password has at least ${MIN_PASSWORD_BYTES} bytes`;
  const most = `a password has at most ${MAX_PASSWORD_BYTES} bytes`;
  const cases: [password: string, fault: string | undefined][] = [
    ["", least],
    ["1234567", least],
    ["12345678", undefined],
    ["éééé", undefined],
    ["ééé1", least],
    ["😀😀", undefined],
    ["        ", undefined],
    ["\0\0\0\0\0\0\0\0", undefined],
    ["a".repeat(1024), undefined],
    ["a".repeat(1025), most],
    ["é".repeat(512), undefined],
    ["é".repeat(513), most],
    ["a".repeat(1_000_000), most],
  ];
  for (const [password, fault] of cases) {
    assertEquals(passwordFault(password), fault, password.slice(0, 20));
  }
});

Deno.test(
  "TOKEN, INVITE and FINGERPRINT hold for whole strings of base64url",
  pure,
  () => {
    const kinds: [RegExp, number][] = [[TOKEN, 43], [INVITE, 22], [
      FINGERPRINT,
      43,
    ]];
    for (const [pattern, length] of kinds) {
      for (let code = 0; code < 256; code++) {
        const char = String.fromCharCode(code);
        const good = /^[A-Za-z0-9_-]$/.test(char);
        assertEquals(pattern.test(char + "a".repeat(length - 1)), good, char);
        assertEquals(pattern.test("a".repeat(length - 1) + char), good, char);
      }
      for (const count of [0, length - 1, length + 1]) {
        assert(!pattern.test("a".repeat(count)));
      }
      assert(!pattern.test("a".repeat(length) + "\n"));
      // A global or sticky pattern would remember where it stopped.
      assertEquals(pattern.flags, "");
    }
  },
);
