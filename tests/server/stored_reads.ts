/** What happens while the server reads the files of its users. */

import { StoredFile } from "../../server/stored_file.ts";
import { replace } from "../helpers/faults.ts";

/** Does something before each piece that the server reads. */
export function beforeReads(meanwhile: () => Promise<void> | void): Disposable {
  return replace(StoredFile.prototype, "read", (original) => {
    return async function (this: StoredFile, target) {
      await meanwhile();
      return await original.call(this, target);
    };
  });
}
