import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  FINGERPRINT,
  INVITE,
  MAX_PASSWORD_BYTES,
  MIN_PASSWORD_BYTES,
  TOKEN,
  userNameFault,
} from "../../protocol/credentials.ts";
import { ProtocolError, WIRE_ERROR_CODES } from "../../protocol/errors.ts";
import {
  decodeReply,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  encodeQuestion,
  encodeReply,
  nonceOf,
  QUESTION_BYTES,
} from "../../protocol/discovery.ts";
import {
  FRAME_HEADER_BYTES,
  FrameKind,
  MAX_CONTROL_BYTES,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import {
  decodeRequest,
  decodeResponse,
  encodeMessage,
  REQUESTS,
  RESPONSES,
} from "../../protocol/messages.ts";
import {
  MAX_INBOX_PARCELS,
  MAX_MESSAGE_BYTES,
  MAX_PARCELS_FROM_ONE,
  PARCELS,
} from "../../protocol/parcels.ts";
import {
  MAX_PATH_BYTES,
  MAX_SEGMENT_BYTES,
} from "../../protocol/remote_path.ts";
import type { Fields } from "../../protocol/schema.ts";
import {
  ALPN,
  CAPABILITIES,
  DEFAULT_PORT,
  PROTOCOL_VERSION,
} from "../../protocol/version.ts";
import {
  DEFAULT_MIN_RATE,
  HANDSHAKE_MS,
  IDLE_MS,
  LOGIN_MS,
  PING_MS,
  STALLED_MS,
} from "../../server/deadlines.ts";
import { MAX_DRAFTS } from "../../server/parcels.ts";
import { PARTIAL_EXPIRY_MS } from "../../server/partials.ts";
import { TAKEOVER_MS } from "../../server/takeover.ts";
import { MAX_PENDING_REPLIES } from "../../server/reply_queue.ts";
import { MAX_REQUESTS_BEFORE_LOGIN } from "../../server/session.ts";
import { decodeStream, encodeAll, sameBytes } from "../helpers/decode.ts";
import {
  fieldsIn,
  nameIn,
  numbersIn,
  readSpec,
  sentence,
  SPEC,
  type SpecField,
  tableOf,
  tablesOf,
} from "../helpers/spec.ts";
import { bytesOfHex } from "../helpers/vectors.ts";

const onlySpec = { permissions: { read: [SPEC] } };

const encoder = new TextEncoder();

Deno.test(
  "SPEC.md: its frame examples decode to what stands beside them",
  onlySpec,
  () => {
    const blocks = [...readSpec().matchAll(/```frame\n([^]*?)```/g)];
    assert(blocks.length >= 2);
    for (const [, block] of blocks) {
      const lines = block!.trimEnd().split("\n").map((line) => {
        const [, hex, text] = /^((?:[0-9a-f]{2} ?)+?)(?: {2,}(.*))?$/.exec(
          line,
        )!;
        return { bytes: bytesOfHex(hex!.replaceAll(" ", "")), text };
      });
      const stream = lines.flatMap(({ bytes }) => [...bytes]);
      const { frames, outcome } = decodeStream([Uint8Array.from(stream)]);
      assertEquals(outcome, "ok");
      assert(sameBytes(encodeAll(frames), Uint8Array.from(stream)));
      // A line of header, then a line of payload, for each frame.
      assertEquals(lines.length, 2 * frames.length);
      for (const [index, { kind, payload }] of frames.entries()) {
        const [head, body] = lines.slice(2 * index, 2 * index + 2);
        assertEquals(head!.bytes.length, FRAME_HEADER_BYTES);
        assertEquals(new TextDecoder().decode(payload), body!.text);
        if (head!.text) {
          assertEquals(
            head!.text,
            `header: ${payload.length} bytes of control`,
          );
        }
        if (kind === FrameKind.control) {
          const message = decodeRequest(payload);
          assertEquals(encodeMessage(message), payload);
        }
      }
    }
  },
);

Deno.test("SPEC.md 2: header and limits of frames", onlySpec, () => {
  const header = tableOf("bytes").rows;
  assertEquals(header.map(([bytes]) => bytes), ["4", "1", "length"]);
  const size = header.slice(0, 2).reduce(
    (sum, [bytes]) => sum + Number(bytes),
    0,
  );
  assertEquals(size, FRAME_HEADER_BYTES);
  assertEquals(
    header[1]![1],
    `kind: ${FrameKind.control} = control, ${FrameKind.data} = data`,
  );
  assertEquals(
    tableOf("kind").rows.map((
      [kind, , longest],
    ) => [kind, ...numbersIn(longest!)]),
    [
      [
        `${FrameKind.control} control`,
        MAX_CONTROL_BYTES,
        MAX_CONTROL_BYTES_BEFORE_LOGIN,
      ],
      [`${FrameKind.data} data`, MAX_DATA_BYTES],
    ],
  );
});

Deno.test("SPEC.md 1 and 4: port, ALPN and version", onlySpec, () => {
  assertEquals(numbersIn(sentence("port 6375"))[0], DEFAULT_PORT);
  assert(
    sentence("The client sends ALPN").startsWith(
      `The client sends ALPN \`${ALPN}\``,
    ),
  );
  assertEquals(numbersIn(sentence("`version` is "))[0], PROTOCOL_VERSION);
  assertEquals(CAPABILITIES, [PARCELS]);
  sentence(`\`${PARCELS}\` stands for the part`);
});

Deno.test("SPEC.md 4: the limits of parcels", onlySpec, () => {
  const [bytes] = numbersIn(sentence("| message | a string of at most"));
  assertEquals(bytes, MAX_MESSAGE_BYTES);
  const drafts = sentence("A sender has 20 at most");
  assertEquals(numbersIn(drafts)[0], MAX_DRAFTS);
});

/** All rows of the tables of requests or of responses. */
function messagesIn(column: "request" | "response"): Map<string, SpecField[]> {
  const rows = tablesOf()
    .filter(({ columns }) => columns[0] === column)
    .flatMap(({ rows }) => rows);
  return new Map(
    rows.map(([name, fields]) => [nameIn(name!), fieldsIn(fields!)]),
  );
}

/** Values that a word of the tables allows, and values that it does not. */
function samplesOf(word: string): { good: unknown[]; bad: unknown[] } {
  const longest = numbersIn(
    sentence("milliseconds since 1970").split("at most")[1]!,
  )[0]!;
  const largest = Number.MAX_SAFE_INTEGER;
  const [, range] = /^int from (\d+ to \d+)$/.exec(word) ?? [];
  const [, chars] = /^text\((\d+)\)/.exec(word) ?? [];
  const [, items, item] = /^list\((\d+)\) of (.*)$/.exec(word) ?? [];
  const [, words] = /^\(([^)]*)\)$/.exec(word) ?? [];
  if (range) {
    const [min, max] = numbersIn(range) as [number, number];
    return { good: [min, max], bad: [min - 1, max + 1, 1.5, "1"] };
  }
  if (chars) {
    const letters = (count: number) => "a".repeat(count);
    return {
      good: [letters(1), letters(Number(chars))],
      bad: [letters(Number(chars) + 1), "\ud800", 1],
    };
  }
  if (items) {
    const one = samplesOf(item!);
    const many = (count: number) =>
      Array.from({ length: count }, () => one.good[0]);
    return {
      good: [[], many(Number(items)), one.good],
      bad: [many(Number(items) + 1), ...one.bad.map((bad) => [bad]), {}],
    };
  }
  if (words) {
    const good = words.split(/, | or /).filter((one) =>
      !one.startsWith("for ")
    );
    return { good, bad: ["zebra", "", 1] };
  }
  switch (word.split(",")[0]) {
    case "boolean":
      return { good: [true, false], bad: [0, "true"] };
    case "size":
      return { good: [0, largest], bad: [-1, largest + 1, 1.5, "1"] };
    case "time":
      return {
        good: [longest, -longest, 0],
        bad: [longest + 1, -longest - 1, 1.5],
      };
    case "path":
      return { good: ["a/b"], bad: ["/a", "a/..", 1] };
    case "sha256":
      return {
        good: ["0f".repeat(32)],
        bad: ["0F".repeat(32), "0f".repeat(31)],
      };
    case "token":
      return { good: ["a".repeat(43)], bad: ["a".repeat(42), "a".repeat(44)] };
    case "invite":
      return { good: ["a".repeat(22)], bad: ["a".repeat(21), "a".repeat(23)] };
    case "message":
      return {
        good: ["a\n\tb", "", "ä".repeat(MAX_MESSAGE_BYTES / 2)],
        bad: ["\x1b", "\r", "\x9b", `${"ä".repeat(MAX_MESSAGE_BYTES / 2)}a`, 1],
      };
    case "entry":
    case "parcel-info":
    case "session-info":
    case "prefix": {
      const row = tablesOf()
        .flatMap(({ columns, rows }) => columns[0] === "object" ? rows : [])
        .find(([name]) => name === word);
      return objectSamples(fieldsIn(row![1]!));
    }
    case "of section 8":
      return { good: [...WIRE_ERROR_CODES], bad: ["zebra", "usage"] };
    default:
      throw new TypeError(
        `SPEC.md uses the word '${word}', which no test knows`,
      );
  }
}

/** Objects with all fields, one of them at its edge at a time. */
function objectSamples(
  fields: SpecField[],
  type?: string,
): { good: unknown[]; bad: unknown[] } {
  const base: Record<string, unknown> = type ? { type } : {};
  const samples = fields.map((field) => ({
    ...field,
    ...samplesOf(field.word),
  }));
  for (const { name, good } of samples) base[name] = good[0];
  const good: unknown[] = [base];
  const bad: unknown[] = [{ ...base, zebra: 1 }];
  for (const field of samples) {
    const { [field.name]: _, ...without } = base;
    bad.push(without);
    (field.nullable ? good : bad).push({ ...base, [field.name]: null });
    for (const value of field.good) good.push({ ...base, [field.name]: value });
    for (const value of field.bad) bad.push({ ...base, [field.name]: value });
  }
  return { good, bad };
}

function assertMessages(
  column: "request" | "response",
  code: Record<string, Fields>,
  decode: (payload: Uint8Array) => unknown,
): void {
  const spec = messagesIn(column);
  assertEquals([...spec.keys()].sort(), Object.keys(code).sort());
  for (const [type, fields] of spec) {
    const names = fields.map(({ name }) => name);
    assertEquals(names, Object.keys(code[type]!), type);
    const { good, bad } = objectSamples(fields, type);
    for (const message of good) {
      assertEquals(decode(encoder.encode(JSON.stringify(message))), message);
    }
    for (const message of bad) {
      const json = JSON.stringify(message);
      assertThrows(
        () => decode(encoder.encode(json)),
        ProtocolError,
        undefined,
        json.slice(0, 300),
      );
    }
  }
}

Deno.test(
  "SPEC.md 4: requests and their fields, at their edges",
  onlySpec,
  () => {
    assertMessages("request", REQUESTS, decodeRequest);
  },
);

Deno.test(
  "SPEC.md 4: responses and their fields, at their edges",
  onlySpec,
  () => {
    assertMessages("response", RESPONSES, decodeResponse);
  },
);

Deno.test(
  "SPEC.md 4: each final response is one of the responses",
  onlySpec,
  () => {
    const responses = messagesIn("response");
    const requests = tablesOf().filter(({ columns }) =>
      columns[0] === "request"
    );
    const finals = requests.flatMap(({ rows }) =>
      rows.map(([, , final]) => final!)
    );
    assertEquals(finals.length, Object.keys(REQUESTS).length);
    for (const final of finals) {
      if (final === "none of its own") continue;
      const names = [...final.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!);
      assert(names.length > 0);
      const known = (name: string) => responses.has(name) || name === "more";
      assert(names.every(known), final);
    }
  },
);

Deno.test("SPEC.md 5: names and secrets", onlySpec, () => {
  const forms = new Map(
    tableOf("what", "Names and secrets").rows.map((
      [what, form],
    ) => [what, form!]),
  );
  assertEquals([...forms.keys()], [
    "user name",
    "password",
    "token",
    "invite",
    "fingerprint",
  ]);
  const [least, most] = numbersIn(forms.get("user name")!) as [number, number];
  assertEquals(userNameFault("a".repeat(least)), undefined);
  assertEquals(userNameFault("a".repeat(most)), undefined);
  assert(
    userNameFault("a".repeat(least - 1)) && userNameFault("a".repeat(most + 1)),
  );
  assertEquals(numbersIn(forms.get("password")!).slice(0, 2), [
    MIN_PASSWORD_BYTES,
    MAX_PASSWORD_BYTES,
  ]);
  for (
    const [what, pattern] of [["token", TOKEN], ["invite", INVITE], [
      "fingerprint",
      FINGERPRINT,
    ]] as const
  ) {
    const [chars] = numbersIn(forms.get(what)!);
    assert(pattern.test("a".repeat(chars!)), what);
    assert(!pattern.test("a".repeat(chars! + 1)), what);
  }
});

Deno.test("SPEC.md 6: the limits of remote paths", onlySpec, () => {
  assertEquals(numbersIn(sentence("a path of more than")).slice(0, 2), [
    MAX_PATH_BYTES,
    8,
  ]);
  assertEquals(
    numbersIn(sentence("a segment of more than"))[0],
    MAX_SEGMENT_BYTES,
  );
});

Deno.test("SPEC.md 8: the error codes, in order", onlySpec, () => {
  const { columns, rows } = tableOf("code");
  assertEquals(columns, ["code", "means", "ends the connection"]);
  assertEquals(rows.map(([code]) => nameIn(code!)), [...WIRE_ERROR_CODES]);
  for (const [code, means, ends] of rows) {
    assert(means, code);
    assert(ends === "yes" || ends!.startsWith("no"), code);
  }
});

Deno.test("SPEC.md 9: the limits that the server keeps", onlySpec, () => {
  const rows = tableOf("what", "Limits and deadlines").rows;
  const limits = rows.map(([, limit]) => limit);
  const [rate, , requests, changes, takeover, expiry, inbox, fromOne] = limits
    .slice(5);
  assertEquals(
    limits.slice(0, 5),
    [HANDSHAKE_MS, LOGIN_MS, IDLE_MS, PING_MS, STALLED_MS]
      .map((ms) => `${ms / 1000} s`),
  );
  assertEquals(numbersIn(rate!), [DEFAULT_MIN_RATE]);
  assertEquals(numbersIn(requests!), [MAX_REQUESTS_BEFORE_LOGIN]);
  assertEquals(numbersIn(changes!), [MAX_PENDING_REPLIES]);
  assertEquals(takeover, `${TAKEOVER_MS / 1000} s`);
  assertEquals(expiry, `${PARTIAL_EXPIRY_MS / 24 / 3600 / 1000} days`);
  assertEquals(numbersIn(inbox!), [MAX_INBOX_PARCELS]);
  assertEquals(numbersIn(fromOne!), [MAX_PARCELS_FROM_ONE]);
});

Deno.test("SPEC.md names only messages and fields that exist", onlySpec, () => {
  const [, part] = /\n## 4\.([^]*?)\n## 5\./.exec(readSpec())!;
  const known = new Set<string>([
    ...[REQUESTS, RESPONSES].flatMap((all) =>
      Object.entries(all).flatMap((
        [type, fields],
      ) => [type, ...Object.keys(fields)])
    ),
    ...["Looking", "Greeting and account", "Sending to people"].flatMap((
      part,
    ) =>
      fieldsIn(tableOf("object", part).rows[0]![1]!).map(({ name }) => name)
    ),
    ...WIRE_ERROR_CODES,
    ...["a-z 0-9 -", "/", "other"],
  ]);
  for (const [, name] of part!.matchAll(/`([^`\n]+)`/g)) {
    assert(known.has(name!), `SPEC.md 4 speaks of \`${name}\``);
  }
});

Deno.test("SPEC.md 10: the datagrams, byte by byte", onlySpec, () => {
  const [, block] = /```datagram\n([^]*?)```/.exec(readSpec())!;
  const [asked, replied, json] = block!.trimEnd().split("\n");
  const question = new Uint8Array(QUESTION_BYTES);
  question.set(bytesOfHex(asked!.replaceAll(" ", "")));
  const nonce = nonceOf(question)!;
  assertEquals(encodeQuestion(nonce), question);
  const reply = Uint8Array.of(
    ...bytesOfHex(replied!.replaceAll(" ", "")),
    ...encoder.encode(json),
  );
  const server = decodeReply(reply, nonce);
  assertEquals(encodeReply(nonce, server), reply);
  const [length] = numbersIn(sentence("a reply of "));
  assertEquals(length, reply.length);
  const fields = tableOf("field").rows.map(([name]) => nameIn(name!));
  assertEquals(fields, Object.keys(server));
  const rows = tableOf("at").rows;
  let at = 0;
  for (const [offset, bytes, asks, replies] of rows.slice(0, 3)) {
    assertEquals(Number(offset), at);
    at += Number(bytes);
    assert(asks && replies);
  }
  assertEquals(Number(rows[3]![0]), at);
  assertEquals(at, reply.length - json!.length);
});

Deno.test(
  "SPEC.md 10: where questions go, and how large they are",
  onlySpec,
  () => {
    assertEquals(numbersIn(sentence("datagram to port "))[0], DISCOVERY_PORT);
    assert(
      sentence("to the group ").startsWith(`to the group ${DISCOVERY_GROUP} `),
    );
    assertEquals(numbersIn(sentence("A question has exactly")).slice(0, 2), [
      QUESTION_BYTES,
      QUESTION_BYTES,
    ]);
  },
);
