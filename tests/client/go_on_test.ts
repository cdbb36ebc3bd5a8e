import { assertEquals } from "@std/assert";
import { goesOn } from "../../client/go_on.ts";

const OPTIONS = {
  recursive: false,
  exclude: [],
  dryRun: false,
  noClobber: false,
  update: false,
  checksum: false,
  restart: false,
  to: undefined,
  limitRate: undefined as string | undefined,
};
const SAME = "the same command goes on where this one stopped";
const OTHER = "to go on where this one stopped: netdisk ";

Deno.test("goesOn() names a command that skips what is there, and does not restart", () => {
  const hint = (options: Partial<typeof OPTIONS>) =>
    goesOn(
      "get",
      { args: ["a/**"], options: { ...OPTIONS, ...options } },
      undefined,
    );
  assertEquals(hint({}), `${OTHER}get --update 'a/**'`);
  assertEquals(hint({ recursive: true }), `${OTHER}get -r --update 'a/**'`);
  assertEquals(hint({ noClobber: true }), SAME);
  assertEquals(
    hint({ noClobber: true, restart: true }),
    `${OTHER}get --no-clobber 'a/**'`,
  );
  assertEquals(
    hint({ limitRate: "10M" }),
    `${OTHER}get --update 'a/**' --limit-rate 10M`,
  );
});

Deno.test("goesOn() keeps remote files and servers apart", () => {
  const options = { ...OPTIONS, server: "home", to: "work:b" };
  const args = ["home:a"];
  assertEquals(
    goesOn("get", { args, options }, undefined),
    `${OTHER}get --update ./home:a --to work:b --server home`,
  );
  assertEquals(
    goesOn("put", { args, options }, undefined),
    `${OTHER}put --update home:a --to ./work:b --server home`,
  );
});
