import { assertEquals } from "@std/assert";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { begin, breakOff, complete, nothingLeft, prove } from "./resuming.ts";

const NEW = { replace: false };
const MTIME = 1_700_000_000_123;

for (const ask of [false, true]) {
  const how = ask ? "asks" : "does not ask";
  Deno.test(`a put that ${how} and may not replace finds the name taken or not`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    const options = { ...NEW, ask, mtime: MTIME };
    const put = async (path: string) => {
      await client.send(putRequest(path, 3, options));
      if (!ask || (await client.next() as { type: string }).type !== "error") {
        await client.sendData("new");
        await client.send(commitOf("new"));
        const answer = await client.next() as { type: string; code?: string };
        return answer.code ?? answer.type;
      }
      return "refused at once";
    };
    const refused = ask ? "refused at once" : "exists";
    assertEquals(await put("a/file"), "receipt");
    // Also of what looks the same.
    assertEquals(await put("a/file"), refused);
    Deno.symlinkSync("nowhere", server.path("link"));
    Deno.mkdirSync(server.path("folder"));
    for (const path of ["a", "folder", "link", ""]) {
      assertEquals(await put(path), refused, path);
    }
    assertEquals(server.read("a/file"), "new");
    await nothingLeft(server);
  });
}

Deno.test("what got the name meanwhile is not replaced", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.send(putRequest("file", 3, { ...NEW, ask: true }));
  await client.answer("continue");
  server.write("file", "old");
  await client.sendData("new");
  await client.send(commitOf("new"));
  assertEquals(await client.error(), "exists");
  assertEquals(server.read("file"), "old");
  await nothingLeft(server);
});

Deno.test("of two puts of a new name at once the first one gets it", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.sendPut("file", "first", NEW);
  await client.sendPut("file", "second", NEW);
  await client.answer("receipt");
  assertEquals(await client.error(), "exists");
  assertEquals(server.read("file"), "first");
});

Deno.test("an interrupted put that may not replace goes on", async () => {
  await using server = new Fixture();
  const content = "x".repeat(100_000);
  await breakOff(server, "file", content, 40_000, NEW);
  using client = await server.login();
  assertEquals(await begin(client, "file", content, NEW), 40_000);
  assertEquals(await prove(client, content, 40_000), 40_000);
  const { sha256 } = await complete(client, content, 40_000);
  assertEquals(sha256, sha256Of(content));
  assertEquals(server.read("file"), content);
  await nothingLeft(server);
});
