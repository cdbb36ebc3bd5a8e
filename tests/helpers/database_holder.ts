/**
 * Worker: makes the database that it is told of, says so while it holds the
 * write lock, and lets go a moment later.
 */

import { DatabaseSync } from "node:sqlite";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: string): void;
};

scope.onmessage = ({ data }) => {
  const database = new DatabaseSync(data);
  // No commit of ours waits for the disk: others wait 5 s for the lock, no more.
  database.exec("PRAGMA synchronous = OFF");
  database.exec("BEGIN IMMEDIATE; CREATE TABLE other (x)");
  scope.postMessage("locked");
  setTimeout(() => {
    database.exec("COMMIT");
    database.close();
    scope.postMessage("released");
  }, 200);
};
