import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  boolean,
  checkedText,
  integer,
  list,
  nullable,
  object,
  oneOf,
  refuse,
  type Schema,
  text,
} from "../../protocol/schema.ts";

const pure = { permissions: "none" } as const;

/** One value of each type that JSON has, and those that only JavaScript has. */
const SAMPLES: unknown[] = [
  null,
  true,
  false,
  0,
  1,
  "",
  "a",
  [],
  ["a"],
  {},
  { a: 1 },
  undefined,
  1n,
  Symbol("a"),
  () => 1,
];

/** Checks that `schema` takes exactly `good` of `good` and all samples. */
function assertTakes(schema: Schema<unknown>, good: unknown[]): void {
  for (const value of good) assertEquals(schema(value, "x"), value);
  for (const value of SAMPLES) {
    if (good.some((one) => Deno.inspect(one) === Deno.inspect(value))) continue;
    const error = assertThrows(
      () => schema(value, "x"),
      ProtocolError,
      undefined,
      Deno.inspect(value),
    );
    assertEquals(error.violation, "bad-message");
    assert(error.message.startsWith("x"), error.message);
  }
}

function assertRefuses(schema: Schema<unknown>, value: unknown, why: string) {
  assertThrows(
    () => schema(value, "the.field"),
    ProtocolError,
    `the.field ${why}`,
  );
}

Deno.test("refuse() names the place and the reason", pure, () => {
  const error = assertThrows(() => refuse("a.b", "is wrong"), ProtocolError);
  assertEquals(error.message, "a.b is wrong");
  assertEquals([error.code, error.violation], ["protocol", "bad-message"]);
});

Deno.test("text() takes strings only", pure, () => {
  assertTakes(text(3), ["", "a", "abc", "é漢\0"]);
});

Deno.test("text() counts UTF-16 units", pure, () => {
  assertEquals(text(4)("😀😀", "x"), "😀😀");
  assertRefuses(text(3), "😀😀", "is longer than 3 characters");
  assertRefuses(text(3), "abcd", "is longer than 3 characters");
  assertRefuses(text(0), "a", "is longer");
});

Deno.test("text() refuses lone surrogates wherever they stand", pure, () => {
  for (
    const value of ["\ud800", "a\udc00", "\ud800a", "\udc00\ud800", "😀\ud83d"]
  ) {
    assertRefuses(text(9), value, "is not valid Unicode");
  }
});

Deno.test("text() holds its pattern against the whole string", pure, () => {
  const schema = text(9, /^[a-z]+$/);
  assertEquals(schema("abc", "x"), "abc");
  for (const value of ["", "abc\n", "\nabc", "ab1", "a b"]) {
    assertRefuses(schema, value, "has the wrong form");
  }
});

Deno.test(
  "checkedText() asks after it has looked at length and form",
  pure,
  () => {
    const asked: string[] = [];
    const schema = checkedText(3, (value) => {
      asked.push(value);
      return value === "bad" ? "it is bad" : undefined;
    });
    assertEquals(schema("ok", "x"), "ok");
    assertRefuses(schema, "bad", "is refused: it is bad");
    assertRefuses(schema, "long", "is longer");
    assertRefuses(schema, "\ud800", "is not valid Unicode");
    assertRefuses(schema, 1, "is not a string");
    assertEquals(asked, ["ok", "bad"]);
  },
);

Deno.test("integer() takes numbers of its range only", pure, () => {
  assertTakes(integer(0, 1), [0, 1]);
  for (const value of [-1, 2]) {
    assertRefuses(integer(0, 1), value, "is not between 0 and 1");
  }
});

Deno.test(
  "integer() refuses what is no integer, or not safely one",
  pure,
  () => {
    const whole = integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    for (const value of [2 ** 53 - 1, -(2 ** 53) + 1]) {
      assertEquals(
        whole(value, "x"),
        value,
      );
    }
    for (
      const value of [
        0.5,
        NaN,
        Infinity,
        -Infinity,
        2 ** 53,
        -(2 ** 53),
        1e300,
        "1",
      ]
    ) {
      assertRefuses(whole, value, "is not an integer");
    }
  },
);

Deno.test("integer() turns -0 into 0", pure, () => {
  assert(Object.is(integer(0, 1)(-0, "x"), 0));
  assert(Object.is(integer(-1, 1)(-0, "x"), 0));
});

Deno.test("boolean() takes true and false only", pure, () => {
  assertTakes(boolean, [true, false]);
});

Deno.test("oneOf() takes its words only", pure, () => {
  assertTakes(oneOf(["a", "b"]), ["a", "b"]);
  for (const value of ["c", "A", "a ", "toString", "length", "0"]) {
    assertRefuses(oneOf(["a", "b"]), value, "has an unknown value");
  }
});

Deno.test("nullable() takes null besides, but not undefined", pure, () => {
  assertTakes(nullable(boolean), [true, false, null]);
});

Deno.test("list() takes arrays only, up to its length", pure, () => {
  assertTakes(list(text(1), 2), [[], ["a"], ["a", "b"]]);
  assertRefuses(list(text(1), 2), ["a", "b", "c"], "has more than 2 items");
  assertRefuses(list(text(1), 2), { length: 0 }, "is not a list");
  assertRefuses(list(text(1), 2), "ab", "is not a list");
});

Deno.test("list() looks at its length before its items", pure, () => {
  const items = Array.from({ length: 1000 }, () => 1);
  assertRefuses(list(text(1), 999), items, "has more than 999 items");
});

Deno.test("list() names the item and copies the list", pure, () => {
  assertThrows(
    () => list(text(1), 2)(["a", 7], "x"),
    ProtocolError,
    "x[1] is not a string",
  );
  const source = ["a"];
  assert(list(text(1), 2)(source, "x") !== source);
});

Deno.test("object() takes objects with exactly its fields", pure, () => {
  const schema = object({ a: integer(0, 9), b: nullable(boolean) });
  assertEquals(schema({ b: null, a: 1 }, "x"), { a: 1, b: null });
  assertTakes(schema, []);
  assertThrows(() => schema({ a: 1 }, "x"), ProtocolError, "x.b is missing");
  assertThrows(
    () => schema({ a: 1, b: "" }, "x"),
    ProtocolError,
    "x.b is not true or false",
  );
  assertThrows(
    () => schema({ a: 1, b: undefined }, "x"),
    ProtocolError,
    "x.b is not",
  );
  assertRefuses(schema, { a: 1, b: null, c: 1 }, 'has an unknown field "c"');
  assertRefuses(schema, [1, null], "is not an object");
});

Deno.test("object() without fields takes the empty object only", pure, () => {
  assertTakes(object({}), [{}]);
});

Deno.test(
  "object() counts own fields only, in the value and in itself",
  pure,
  () => {
    const schema = object({ a: boolean });
    assertThrows(
      () => schema(Object.create({ a: true }), "x"),
      ProtocolError,
      "x.a is missing",
    );
    const names = [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "valueOf",
    ];
    for (const name of names) {
      const value = JSON.parse(`{"a":true,${JSON.stringify(name)}:1}`);
      assertRefuses(schema, value, `has an unknown field "${name}"`);
      // Inherited by every object, and yet missing.
      const wanted = object(
        Object.fromEntries([["a", boolean], [name, boolean]]),
      );
      if (name !== "__proto__") {
        assertThrows(
          () => wanted({ a: true }, "x"),
          ProtocolError,
          `x.${name} is missing`,
        );
      }
    }
  },
);

Deno.test(
  "object() does not show a long or odd field name as it is",
  pure,
  () => {
    const schema = object({});
    assertRefuses(
      schema,
      { ["a".repeat(99)]: 1 },
      `has an unknown field "${"a".repeat(32)}"`,
    );
    assertRefuses(
      schema,
      { "\x1b[2J\n": 1 },
      'has an unknown field "\\u001b[2J\\n"',
    );
    assertRefuses(schema, { "\ud800": 1 }, 'has an unknown field "\\ud800"');
  },
);

Deno.test(
  "object() gives a new object, its fields in its own order",
  pure,
  () => {
    const schema = object({ a: boolean, b: object({ c: boolean }) });
    const source = { b: { c: true }, a: true };
    const result = schema(source, "x");
    assertEquals(JSON.stringify(result), '{"a":true,"b":{"c":true}}');
    assert(result !== source && result.b !== source.b);
  },
);
