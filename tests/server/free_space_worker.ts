/** A Worker that asks for more room than any disk below its root has. */

import { NetdiskError } from "../../protocol/errors.ts";
import { FreeSpace } from "../../server/free_space.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(verdict: { refused?: string[]; error?: string }): void;
};

scope.onmessage = ({ data: root }) => {
  try {
    new FreeSpace(root, null).require(Number.MAX_SAFE_INTEGER);
    scope.postMessage({ error: "there is room without an end" });
  } catch (error) {
    const code = error instanceof NetdiskError ? error.code : String(error);
    scope.postMessage({ refused: [code] });
  }
};
