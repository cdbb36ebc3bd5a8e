import { assertEquals } from "@std/assert";
import { filesBelow } from "../helpers/files_below.ts";
import {
  commitOf,
  putRequest,
  type TestClient,
} from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  compose,
  deliver,
  DRAFT,
  OTHER_DRAFT,
  people,
  refusal,
  send,
  sendFile,
  stored,
} from "./sending.ts";

Deno.test("behind a refused compose, open or deliver there are no files", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await sendFile(ben, "own.txt", "own");
  await send(ben, "a.txt");
  const refused =
    "denied: there are no files here, as what was to be opened was refused";
  const deny = async (client: TestClient) => {
    for (const ask of [false, true]) {
      await client.send(putRequest("own.txt", 1, { ask }));
      if (!ask) {
        await client.sendData("x");
        await client.send(commitOf("x"));
      }
      assertEquals(await refusal(client), refused);
    }
    for (
      const request of [
        { type: "mkdir", path: "a", parents: true, mtime: null },
        { type: "move", from: "own.txt", to: "b", replace: true },
        { type: "remove", path: "own.txt", recursive: false },
        { type: "touch", path: "own.txt", mtime: 0, executable: null },
        { type: "list", path: "" },
        { type: "stat", path: "own.txt" },
        { type: "get", path: "own.txt", prefix: null },
        { type: "digest", path: "own.txt" },
      ] as const
    ) {
      await client.send(request);
      assertEquals(await refusal(client), refused, request.type);
    }
  };
  const nobody = { type: "compose", to: "nobody", draft: DRAFT } as const;
  // As one that does not wait for the answer.
  await ben.send(nobody);
  await ben.sendPut("own.txt", "x");
  assertEquals(await refusal(ben), "not-found: there is no user 'nobody'");
  assertEquals(await refusal(ben), refused);
  await deny(ben);
  // Nor for the files of another draft that was open before.
  await compose(ben);
  await sendFile(ben, "b.txt", "second");
  await ben.send(nobody);
  assertEquals(await ben.error(), "not-found");
  await deny(ben);
  await ben.send({ type: "deliver", draft: DRAFT, files: 2, message: "" });
  assertEquals(await ben.error(), "changed");
  await deny(ben);

  await ann.ask({ type: "open", number: 1 }, "parcel");
  await ann.send({ type: "open", number: 2 });
  assertEquals(await ann.error(), "not-found");
  await deny(ann);
  assertEquals(filesBelow(`${server.root}/users`), ["ben/own.txt"]);
  assertEquals(Deno.readTextFileSync(server.path("own.txt", "ben")), "own");
  assertEquals(server.uploads(), []);
});

Deno.test("what ends the state behind a refusal", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  await compose(ben);
  const ends: (() => Promise<unknown>)[] = [
    () => ben.ask({ type: "leave" }, "ok"),
    async () => {
      await ben.send({ type: "abandon", draft: OTHER_DRAFT });
      assertEquals(await ben.error(), "not-found");
    },
    () => deliver(ben, 0),
  ];
  for (const [index, end] of ends.entries()) {
    await ben.send({ type: "open", number: 99 });
    assertEquals(await ben.error(), "not-found");
    await ben.sendPut("own.txt", "x");
    assertEquals(await ben.error(), "denied");
    await end();
    await sendFile(ben, `own${index}.txt`, "own");
  }
  await ben.send({ type: "open", number: 99 });
  assertEquals(await ben.error(), "not-found");
  await compose(ben, OTHER_DRAFT);
  await sendFile(ben, "to-ann.txt", "x");
  assertEquals(filesBelow(`${server.root}/users`), [
    "ben/own0.txt",
    "ben/own1.txt",
    "ben/own2.txt",
  ]);
  assertEquals(stored(server, "drafts"), ["ann/ID/to-ann.txt"]);
});
