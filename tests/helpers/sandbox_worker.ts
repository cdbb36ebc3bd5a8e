/** Runs a check of server/sandbox.ts with the permissions that this Worker was given. */

import * as sandbox from "../../server/sandbox.ts";

export interface Question {
  /** `look` is only to look at the root. */
  check:
    | "checkSandbox"
    | "checkListenSandbox"
    | "checkDiscoverySandbox"
    | "look";
  root: string;
}

interface Scope {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(message: { refused?: string[]; error?: string }): void;
}

const scope = globalThis as unknown as Scope;

scope.onmessage = async ({ data: { check, root } }) => {
  try {
    if (check === "look") {
      Deno.lstatSync(root);
      scope.postMessage({ refused: [] });
    } else scope.postMessage({ refused: await sandbox[check](root) });
  } catch (error) {
    scope.postMessage({ error: (error as Error).message });
  }
};
