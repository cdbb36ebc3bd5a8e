/** Opens the accounts of a storage root that a server has made. */

import { join } from "@std/path";
import { NetdiskError } from "../../protocol/errors.ts";
import { systemReason } from "../../protocol/system_reason.ts";
import { type Database, openDatabase } from "../database.ts";
import { DEFAULT_ROOT } from "../serve_options.ts";
import { dataFolder } from "../storage_path.ts";
import { checkStorageRoot } from "../storage_root.ts";
import { AccountAdmin } from "./account_admin.ts";

/** A storage root whose server may be running, or not. */
export class OpenRoot implements Disposable {
  /** The real path. */
  readonly root: string;
  readonly accounts: AccountAdmin;
  #database: Database;

  constructor(root: string, database: Database) {
    this.root = root;
    this.accounts = new AccountAdmin(database);
    this.#database = database;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/**
 * Opens `folder`, by default that of `netdisk serve`. Makes nothing in a folder
 * that is not a root.
 *
 * @param user the command that is run, for hints
 * @throws NetdiskError `not-found` where no server has ever run, `local-io`
 */
export function openRoot(
  folder: string = DEFAULT_ROOT,
  user: "admin" | "status" = "admin",
): OpenRoot {
  const hasDatabase = isDatabase(folder, user);
  checkStorageRoot(folder, user);
  try {
    if (!hasDatabase) throw new Error("its accounts are no file");
    const root = Deno.realPathSync(folder);
    return new OpenRoot(root, openDatabase(dataFolder(root)));
  } catch (cause) {
    if (cause instanceof NetdiskError) throw cause;
    const reason = systemReason(cause);
    throw new NetdiskError("local-io", `${folder}: ${reason}`, { cause });
  }
}

/** @throws NetdiskError `not-found` where there is nothing at all */
function isDatabase(folder: string, user: "admin" | "status"): boolean {
  try {
    return Deno.lstatSync(join(dataFolder(folder), "netdisk.db")).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.PermissionDenied) {
      // The check of the root may know better.
      checkStorageRoot(folder, user);
      throw new NetdiskError("local-io", `${folder}: permission denied`, {
        hint: `be the user who runs the server, or sudo netdisk ${user} ...`,
        cause,
      });
    }
    throw new NetdiskError("not-found", `${folder}: no netdisk is here`, {
      hint: "name the folder that is served with --root DIR",
      cause,
    });
  }
}
