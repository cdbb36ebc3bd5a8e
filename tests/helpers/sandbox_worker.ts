/** Runs checkSandbox() with the permissions that this Worker was given. */

import { checkSandbox } from "../../server/sandbox.ts";

interface Scope {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(message: { refused?: string[]; error?: string }): void;
}

const scope = globalThis as unknown as Scope;

scope.onmessage = async ({ data: root }) => {
  try {
    scope.postMessage({ refused: await checkSandbox(root) });
  } catch (error) {
    scope.postMessage({ error: (error as Error).message });
  }
};
