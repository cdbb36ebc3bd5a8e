/**
 * What the writers were promised, and whether a disk keeps it: every
 * acknowledged file is there with the acknowledged version or a later one,
 * nothing is torn, and nothing lies there that nobody has put.
 */

import { join } from "@std/path";
import { filesBelow } from "../helpers/files_below.ts";
import { type Version, versionOf } from "./versions.ts";

/** What a look at a disk came to. */
export interface Findings {
  /** Files that were read. */
  checked: number;
  /** Acknowledged files that are missing or older than acknowledged. */
  lost: string[];
  /** Files that are no version of theirs, or lie where nobody has put one. */
  torn: string[];
}

interface Entry {
  sent: number;
  acknowledged: number;
}

/** The puts of one user. */
export class Ledger {
  #entries = new Map<string, Entry>();
  /** Puts that were acknowledged. */
  acknowledged = 0;

  /** The next version of a file, written down before its first byte is sent. */
  send(name: string, size: number): Version {
    const entry = this.#entries.get(name) ?? { sent: 0, acknowledged: 0 };
    this.#entries.set(name, entry);
    return { name, number: ++entry.sent, size };
  }

  /** The server has promised to keep this version. */
  acknowledge({ name, number }: Version): void {
    const entry = this.#entries.get(name)!;
    entry.acknowledged = Math.max(entry.acknowledged, number);
    this.acknowledged++;
  }

  /** True while no later version of the file has been sent. */
  isLatest({ name, number }: Version): boolean {
    return this.#entries.get(name)?.sent === number;
  }

  /** The promises of this moment; later ones do not show in it. */
  copy(): Ledger {
    const copy = new Ledger();
    for (const [name, entry] of this.#entries) {
      copy.#entries.set(name, { ...entry });
    }
    copy.acknowledged = this.acknowledged;
    return copy;
  }

  /** Somebody has taken the file away on purpose. */
  forget(name: string): void {
    this.#entries.delete(name);
  }

  /** Compares with the folder of the user, which nobody writes to meanwhile. */
  check(home: string): Findings {
    const findings: Findings = { checked: 0, lost: [], torn: [] };
    const missing = new Map(this.#entries);
    for (const name of filesBelow(home)) {
      const version = versionOf(Deno.readFileSync(join(home, name)));
      const entry = this.#entries.get(name);
      missing.delete(name);
      findings.checked++;
      if (!entry) {
        findings.torn.push(`${name}: nobody has put it`);
      } else if (version?.name !== name || version.number > entry.sent) {
        const { size } = Deno.statSync(join(home, name));
        findings.torn.push(`${name}: ${size} bytes that are no version of it`);
      } else if (version.number < entry.acknowledged) {
        findings.lost.push(
          `${name}: version ${version.number}, acknowledged ${entry.acknowledged}`,
        );
      }
    }
    for (const [name, { acknowledged }] of missing) {
      if (acknowledged === 0) continue;
      findings.lost.push(`${name}: missing, acknowledged ${acknowledged}`);
    }
    return findings;
  }
}
