import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError, type Violation } from "../../protocol/errors.ts";
import {
  MAX_CONTROL_BYTES,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
} from "../../protocol/frame.ts";
import {
  decodeRequest,
  decodeResponse,
  encodeMessage,
  MAX_ERROR_TEXT,
  type Message,
  REQUESTS,
  RESPONSES,
} from "../../protocol/messages.ts";
import {
  AGENT,
  CAPABILITIES,
  PROTOCOL_VERSION,
} from "../../protocol/version.ts";
import { Random } from "../helpers/random.ts";
import {
  bytesOfHex,
  expandTexts,
  type LongText,
  longText,
} from "../helpers/vectors.ts";
import file from "../vectors/messages.json" with { type: "json" };

const pure = { permissions: "none" } as const;

interface MessageVector {
  name: string;
  from: "client" | "server";
  json?: LongText;
  hex?: LongText;
  expect: "ok" | Violation;
  fields?: unknown;
}

const encoder = new TextEncoder();

const vectors = (file.vectors as unknown as MessageVector[]).map((vector) => ({
  ...vector,
  name: `${vector.name} (${vector.from})`,
  decode: vector.from === "client" ? decodeRequest : decodeResponse,
  payload: vector.hex === undefined
    ? encoder.encode(longText(vector.json!))
    : bytesOfHex(vector.hex),
  fields: expandTexts(vector.fields) as Message | undefined,
}));

const accepted = vectors.filter(({ expect }) => expect === "ok");

function assertRefused(decode: () => unknown, at: string): ProtocolError {
  return assertThrows(decode, ProtocolError, undefined, at);
}

Deno.test(
  "decodeRequest() and decodeResponse() agree with each vector",
  pure,
  () => {
    for (const { name, decode, payload, expect, fields } of vectors) {
      if (expect === "ok") assertEquals<unknown>(decode(payload), fields, name);
      else {
        const { violation } = assertRefused(() => decode(payload), name);
        assertEquals(violation, expect, name);
      }
    }
  },
);

Deno.test(
  "encodeMessage() writes one encoding, which decodes to the same",
  pure,
  () => {
    for (const { name, decode, fields } of accepted) {
      const payload = encodeMessage(fields!);
      const message = decode(payload);
      assertEquals<unknown>(message, fields, name);
      assertEquals(encodeMessage(message), payload, name);
    }
  },
);

Deno.test(
  "the message vectors fit a control frame and have names of their own",
  pure,
  () => {
    for (const { name, payload } of vectors) {
      assert(payload.length <= MAX_CONTROL_BYTES, name);
    }
    assertEquals(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  },
);

Deno.test(
  "the message vectors reach every field of every message",
  pure,
  () => {
    for (
      const [from, messages] of [["client", REQUESTS], [
        "server",
        RESPONSES,
      ]] as const
    ) {
      for (const [type, fields] of Object.entries(messages)) {
        const has = (text: string, outcome: string) =>
          assert(
            vectors.some(({ name, expect }) =>
              name === `${type}${text} (${from})` && expect === outcome
            ),
            `no vector ${type}${text}`,
          );
        has("", "ok");
        has(": with an unknown field", "bad-message");
        for (const field of Object.keys(fields)) {
          has(`: without ${field}`, "bad-message");
          const values = vectors.filter(({ name }) =>
            name.startsWith(`${type}: ${field} is `)
          );
          assert(values.length >= 4, `${type}.${field} has few vectors`);
        }
      }
    }
  },
);

Deno.test("decodeRequest() builds a plain object of its own", pure, () => {
  const json = '{"type":"stat","path":"a"}';
  const message = decodeRequest(encoder.encode(json));
  assert(Object.getPrototypeOf(message) === Object.prototype);
  assertEquals(Object.keys(message).sort(), ["path", "type"]);
});

Deno.test(
  "decodeRequest() lets nobody at the prototype of objects",
  pure,
  () => {
    const attacks = [
      '{"type":"ping","__proto__":{"polluted":1}}',
      '{"__proto__":{"type":"ping"}}',
      '{"type":"stat","__proto__":{"path":"a"}}',
      '{"type":"ping","constructor":{"prototype":{"polluted":1}}}',
      '{"type":"__proto__"}',
      '{"type":"put","path":"a","size":{"__proto__":1},"mtime":null,"executable":false,"ask":false}',
    ];
    for (const json of attacks) {
      assertRefused(() => decodeRequest(encoder.encode(json)), json);
    }
    assert(!("polluted" in {}));
  },
);

Deno.test("decodeRequest() names the field that is wrong", pure, () => {
  const cases: [json: string, message: string][] = [
    ['{"type":"stat"}', "stat.path is missing"],
    ['{"type":"stat","path":1}', "stat.path is not a string"],
    [
      '{"type":"stat","path":".."}',
      "stat.path is refused: '..' is not allowed",
    ],
    ['{"type":"stat","path":"a","b":1}', 'stat has an unknown field "b"'],
    [
      '{"type":"hello","version":0,"capabilities":[],"agent":"a"}',
      "hello.version is not between 1 and 65535",
    ],
    [
      '{"type":"hello","version":1,"capabilities":["a",1],"agent":"a"}',
      "hello.capabilities[1] is not a string",
    ],
    ['{"type":"stats"}', "type is unknown"],
    ["[]", "the message is not an object with a type"],
  ];
  for (const [json, message] of cases) {
    const decode = () => decodeRequest(encoder.encode(json));
    assertThrows(decode, ProtocolError, message);
  }
});

Deno.test("decodeResponse() names the field inside an entry", pure, () => {
  const json =
    '{"type":"entries","more":false,"entries":[{"name":"a/b","kind":"file","size":0,"mtime":null,"executable":false}]}';
  assertThrows(
    () => decodeResponse(encoder.encode(json)),
    ProtocolError,
    "entries.entries[0].name is refused",
  );
});

Deno.test(
  "decodeRequest() quotes no value in its error, which goes to a log",
  pure,
  () => {
    const secret = "hunter2-hunter2";
    const payloads = [
      `{"type":"login","user":"ada","password":"${secret}"`,
      `{"type":"login","user":"ada","password":"${secret}",}`,
      `{"type":"login","user":"ada","password":"${secret}" x}`,
      `{"type":"login","user":"ada","password":"${secret}\n"}`,
      `{"type":"login","user":"ada","password":["${secret}"]}`,
      `{"type":"login","user":"ada","password":"${secret.repeat(99)}"}`,
      `{"type":"authenticate","token":"${secret}"}`,
      `{"type":"register","user":"ada","password":"12345678","invite":"${secret}"}`,
      `{"type":"${secret}"}`,
      `"${secret}"`,
      secret,
    ];
    for (const json of payloads) {
      const error = assertRefused(
        () => decodeRequest(encoder.encode(json)),
        json,
      );
      assert(!Deno.inspect(error).includes("hunter2"), Deno.inspect(error));
    }
  },
);

Deno.test(
  "decodeResponse() takes a page of 4096 entries and no more",
  pure,
  () => {
    const entry = {
      name: "a",
      kind: "file",
      size: 0,
      mtime: null,
      executable: false,
    };
    for (const [count, fits] of [[4096, true], [4097, false]] as const) {
      const entries = Array.from({ length: count }, () => entry);
      const page = encoder.encode(
        JSON.stringify({ type: "entries", entries, more: false }),
      );
      if (fits) {
        assertEquals<unknown>(decodeResponse(page), {
          type: "entries",
          entries,
          more: false,
        });
      } else assertRefused(() => decodeResponse(page), "4097");
    }
  },
);

Deno.test(
  "the longest messages before login fit the limit before login",
  pure,
  () => {
    // The characters that take the most room in JSON, beside control characters.
    for (const [unit, length] of [["漢", 341], ['"', 1024]] as const) {
      const messages: Message[] = [
        {
          type: "hello",
          version: 65535,
          capabilities: Array.from({ length: 32 }, () => "a".repeat(32)),
          agent: '"'.repeat(64),
        },
        {
          type: "register",
          user: unit.repeat(64),
          password: unit.repeat(length),
          invite: "a".repeat(22),
        },
        { type: "login", user: unit.repeat(64), password: unit.repeat(length) },
      ];
      for (const message of messages) {
        const payload = encodeMessage(message);
        assertEquals<unknown>(decodeRequest(payload), message);
        assert(
          payload.length <= MAX_CONTROL_BYTES_BEFORE_LOGIN,
          `${payload.length}`,
        );
      }
    }
  },
);

Deno.test("the longest messages fit a control frame", pure, () => {
  const name = "\0".repeat(1024).replaceAll("\0", "\x01");
  const entry = {
    name,
    kind: "folder",
    size: 2 ** 53 - 1,
    mtime: -8.64e15,
    executable: false,
  } as const;
  const messages: Message[] = [
    { type: "entries", entries: [entry], more: false },
    {
      type: "error",
      code: "unauthenticated",
      message: "\0".repeat(MAX_ERROR_TEXT),
    },
    {
      type: "put",
      path: '"/'.repeat(2047) + '""',
      size: 2 ** 53 - 1,
      mtime: -8.64e15,
      executable: false,
      ask: false,
      replace: true,
    },
  ];
  for (const message of messages) {
    const payload = encodeMessage(message);
    assert(payload.length <= MAX_CONTROL_BYTES);
    const decode = message.type === "put" ? decodeRequest : decodeResponse;
    assertEquals<unknown>(decode(payload), message);
  }
});

Deno.test("this build's own hello is legal on both sides", pure, () => {
  const hello = {
    type: "hello" as const,
    version: PROTOCOL_VERSION,
    capabilities: [...CAPABILITIES],
    agent: AGENT,
  };
  decodeRequest(encodeMessage(hello));
  decodeResponse(encodeMessage({ ...hello, registration: "open" }));
});

/** Pieces that a damaged payload may get. */
const ODD = [
  ...'"{}[],:\\-é\0',
  "\\u0000",
  "\\ud800",
  "null",
  "1e9",
  "__proto__",
];

/** A legal payload with some characters changed, lost or added. */
function damage(json: string, random: Random): Uint8Array {
  let text = json;
  for (let i = random.between(1, 3); i > 0; i--) {
    const at = random.below(text.length + 1);
    const end = random.once(2) ? at : at + random.between(1, 4);
    const piece = random.once(3) ? "" : random.pick(ODD);
    text = text.slice(0, at) + piece + text.slice(end);
  }
  const bytes = encoder.encode(text);
  if (random.once(4)) bytes[random.below(bytes.length)] = random.next();
  return bytes;
}

Deno.test(
  "decodeRequest() and decodeResponse() make of damaged payloads a message or a violation",
  pure,
  () => {
    const random = new Random(1);
    const short = accepted.filter(({ payload }) => payload.length < 400);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 10_000; round++) {
      const { fields, decode } = random.pick(short);
      const payload = damage(JSON.stringify(fields), random);
      let outcome = "ok";
      try {
        const message = decode(payload);
        assertEquals<unknown>(decode(encodeMessage(message)), message);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        outcome = error.violation;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    assertEquals([...outcomes.keys()].sort(), [
      "bad-message",
      "bad-text",
      "ok",
    ]);
    assert(outcomes.get("ok")! > 500, "too few survive to tell anything");
  },
);

Deno.test("decodeRequest() makes of random bytes a violation", pure, () => {
  const random = new Random(2);
  for (let round = 0; round < 2000; round++) {
    const payload = random.bytes(random.between(0, 40));
    assertRefused(() => decodeRequest(payload), `${payload}`);
  }
});
