/**
 * What of a local folder a server would refuse: found out while it is walked
 * through, so that not each of the many that may lie below is refused.
 */

import {
  depthFault,
  joinRemotePath,
  remotePathFault,
} from "../protocol/remote_path.ts";
import type { WalkOptions } from "./local_tree.ts";

/** @param base where the folder goes on the server */
export function uploadFaults(
  base: string,
): Required<Pick<WalkOptions, "fault" | "faultInside">> {
  return {
    fault: (_, relative) => remotePathFault(joinRemotePath(base, relative)),
    faultInside: (relative) => {
      const folder = joinRemotePath(base, relative);
      const fault = depthFault(joinRemotePath(folder, "x"));
      return fault && `what is in it cannot be uploaded: ${fault}`;
    },
  };
}
