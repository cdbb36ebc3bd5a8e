import { assert, assertEquals } from "@std/assert";
import {
  ERROR_CODES,
  isConnectionLost,
  isWireErrorCode,
  LOCAL_ERROR_CODES,
  NetdiskError,
  ProtocolError,
  WIRE_ERROR_CODES,
} from "../../protocol/errors.ts";

const pure = { permissions: "none" } as const;

Deno.test("ERROR_CODES names each code once", pure, () => {
  assertEquals(new Set(ERROR_CODES).size, ERROR_CODES.length);
  assertEquals(ERROR_CODES, [...WIRE_ERROR_CODES, ...LOCAL_ERROR_CODES]);
  for (const code of ERROR_CODES) assert(/^[a-z]+(-[a-z]+)*$/.test(code), code);
});

Deno.test(
  "isWireErrorCode() knows the codes of the wire and nothing else",
  pure,
  () => {
    for (const code of WIRE_ERROR_CODES) assert(isWireErrorCode(code), code);
    const others = ["", "Protocol", "io ", "toString", "length", "0"];
    for (const code of [...LOCAL_ERROR_CODES, ...others]) {
      assert(!isWireErrorCode(code), code);
    }
  },
);

Deno.test("NetdiskError keeps code, hint and cause", pure, () => {
  const cause = new Error("why");
  const error = new NetdiskError("not-found", "a: no such file", {
    hint: "netdisk ls",
    cause,
  });
  assert(error instanceof Error);
  assertEquals(error.name, "NetdiskError");
  assertEquals(
    [error.code, error.message, error.hint, error.cause],
    ["not-found", "a: no such file", "netdisk ls", cause],
  );
});

Deno.test(
  "NetdiskError without options has neither hint nor cause",
  pure,
  () => {
    const error = new NetdiskError("io", "a");
    assertEquals(error.hint, undefined);
    assert(!("cause" in error));
  },
);

Deno.test(
  "ProtocolError is a NetdiskError of code protocol with its violation",
  pure,
  () => {
    const cause = new Error("why");
    const error = new ProtocolError("too-long", "a frame is too long", {
      cause,
    });
    assert(error instanceof NetdiskError);
    assertEquals(error.name, "ProtocolError");
    assertEquals(
      [error.code, error.violation, error.message, error.cause, error.hint],
      ["protocol", "too-long", "a frame is too long", cause, undefined],
    );
  },
);

Deno.test("isConnectionLost() is true for that code alone", pure, () => {
  for (const code of ERROR_CODES) {
    const error = new NetdiskError(code, "it failed");
    assertEquals(isConnectionLost(error), code === "connection-lost", code);
  }
  assert(!isConnectionLost(new Error("connection-lost")));
  assert(!isConnectionLost({ code: "connection-lost" }));
  assert(!isConnectionLost(undefined));
});
