/** Program: puts a small file into `new/file` of the user folder `users/ann` below a root. */

import { Storage } from "../../server/storage.ts";
import { NOBODY } from "./nobody.ts";
import { commitOf, putRequest, toBytes } from "./test_client.ts";

const CONTENT = "content";

const storage = new Storage(Deno.args[0]!);
storage.prepare();
const user = await storage.openUser("ann");
const request = putRequest("new/file", CONTENT.length);
const upload = await user.beginPut(request, NOBODY);
upload.update(toBytes(CONTENT));
await upload.write(toBytes(CONTENT));
await upload.finish(commitOf(CONTENT));
upload.publish();
await upload.settle();
