/** Folders as the Worker of a server reads them, with both ends in this thread. */

import { PagedFolders } from "../../server/folder_reader.ts";
import { PrivilegedPort } from "../../server/privileged_calls.ts";
import { Libc } from "../../server/libc.ts";
import { startPrivilegedService } from "../../server/privileged_service.ts";

export interface FolderLine extends Disposable {
  folders: PagedFolders;
  port: PrivilegedPort;
}

/** A service for everything below `root`; undefined where there can be none. */
export function pagedFolders(root: string): FolderLine | undefined {
  const { port1, port2 } = new MessageChannel();
  const service = startPrivilegedService(port1, root, Libc.load());
  if (!service) {
    port1.close();
    port2.close();
    return undefined;
  }
  const port = new PrivilegedPort(port2);
  return {
    folders: new PagedFolders(port),
    port,
    [Symbol.dispose]() {
      service.close();
      port.close();
    },
  };
}
