/** The client of a put that nobody takes over and nothing is told. */

import type { PutClient } from "../../server/user_storage.ts";

export const NOBODY: PutClient = {
  received: () => 0,
  drop() {},
  settled: () => Promise.resolve(),
  during: (work) => work,
};
