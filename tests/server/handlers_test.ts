import { assertEquals } from "@std/assert";
import { settled } from "../helpers/settled.ts";
import { Fixture } from "./fixture.ts";

Deno.test("a file that shrinks while it is sent is answered with changed", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("big", "x".repeat(1_000_000));
  await client.send({ type: "get", path: "big" });
  await client.answer("file");
  await settled();
  Deno.truncateSync(server.path("big"), 10);
  await settled();
  await client.next();
  await settled();
  let last;
  for (;;) {
    last = await client.next();
    if (!(last instanceof Uint8Array)) break;
  }
  assertEquals(last, {
    type: "error",
    code: "changed",
    message: "the file changed while it was being sent",
  });
});
