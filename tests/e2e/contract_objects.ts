/** The JSON objects that were seen, and the table of docs/scripting.md that says what they are. */

type JsonObject = Record<string, unknown>;

/** Objects that commands printed, by their type. */
export class ObjectLog {
  readonly #seen = new Map<string, JsonObject[]>();

  add(object: JsonObject): void {
    const type = String(object.type);
    const seen = this.#seen.get(type);
    if (seen) seen.push(object);
    else this.#seen.set(type, [object]);
  }

  get types(): string[] {
    return [...this.#seen.keys()].sort();
  }

  of(type: string): readonly JsonObject[] {
    return this.#seen.get(type) ?? [];
  }
}
