/**
 * Makes text from outside (file names, messages of the server) safe to show:
 * nothing in it can move the cursor, change the direction of the line or stay
 * invisible. Pure; what is shown where is output.ts's business.
 */

/** Printable ASCII, by far the most common case, needs no closer look. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Scripts that spell words with zero width (non-)joiners, Persian first of all.
 * Between two of their letters such a joiner is orthography, not concealment.
 */
const JOINING = [
  "Arabic",
  "Syriac",
  "Mongolian",
  "Devanagari",
  "Bengali",
  "Gurmukhi",
  "Gujarati",
  "Oriya",
  "Tamil",
  "Telugu",
  "Kannada",
  "Malayalam",
  "Sinhala",
  "Khmer",
  "Myanmar",
].map((script) => `\\p{Script_Extensions=${script}}`).join("");

/**
 * Control characters, line and paragraph separators, bidi controls, everything
 * of zero width or blank by design, lone surrogates. Variation selectors stay:
 * they only choose between two pictures of the character before them.
 */
const HIDDEN =
  "[[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\uFFF9-\\uFFFB]" +
  "--[\\uFE00-\\uFE0F\\u{E0100}-\\u{E01EF}]]";

/** Made when it is needed: that takes longer than all else at the start of a command. */
let anyHidden: RegExp | undefined;

/** Emoji are matched first, because a family or a flag is held together by joiners and tags. */
function makeAnyHidden(): RegExp {
  return new RegExp(
    `\\p{RGI_Emoji}|(?<=[${JOINING}])[\\u200C\\u200D](?=[${JOINING}])|(?<hidden>${HIDDEN})`,
    "gv",
  );
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function escapeForPeople(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}

function escapeForJson(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}

function replaceHidden(
  text: string,
  escape: (character: string) => string,
): string {
  if (PLAIN.test(text)) return text;
  anyHidden ??= makeAnyHidden();
  return text.replace(anyHidden, (match, hidden: string | undefined) => {
    return hidden === undefined ? match : escape(match);
  });
}

/**
 * The text with every hidden or controlling character as a visible escape such
 * as `\x1b`, `\n` or `\u202e`. Always one line. Applying it twice changes nothing,
 * so a caller need not know whether a name has been through it already.
 */
export function displayText(text: string): string {
  return replaceHidden(text, escapeForPeople);
}

/**
 * JSON text (as JSON.stringify makes it) with the same characters as `\uXXXX`.
 * It parses to exactly the same value, and is safe to look at on a terminal.
 */
export function displayJson(json: string): string {
  return replaceHidden(json, escapeForJson);
}
