/** Names that are legal (SPEC.md 6) and yet not stored by Windows, on either side. */

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CHARACTERS = /[<>:"|?*\\\u0000-\u001f]/;

/** Names of devices, with any ending. What is written to one is on no disk. */
const DEVICES =
  /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i;

/**
 * Why Windows does not store a name as it is, or undefined. A dot or space at the
 * end it drops: `anna.` would be the folder of `anna`.
 */
export function windowsNameFault(name: string): string | undefined {
  const [character] = CHARACTERS.exec(name) ?? [];
  if (character !== undefined) {
    return `Windows stores no name with ${character}`;
  }
  if (/[. ]$/.test(name)) {
    return "Windows stores no name that ends in a dot or space";
  }
  if (DEVICES.test(name)) return "Windows has this name for a device";
  return undefined;
}
