/** A program that changes a client's config, as many netdisks at once do: FOLDER NAME COUNT. */

import { Config, savedServer } from "../../client/config.ts";

const [folder = "", name = "", count = "0"] = Deno.args;
const config = new Config(folder);
for (let i = 1; i <= Number(count); i++) {
  config.update((data) => {
    savedServer(data, `${name}:${i}`).user = "x".repeat(64);
  });
}
