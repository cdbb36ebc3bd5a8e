/**
 * The form of `netdisk serve --config FILE`: lines `key = value`, comments with
 * `#`. Pure; what the keys are is serve_config.ts's business.
 *
 * A value begins and ends with what is no blank; ` #` after it begins a comment.
 * Double quotes around the whole value keep blanks and `#`; there are no escapes,
 * so that a value has no quote in it and a path of Windows is as it looks.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** One setting, and the line that it is on, from 1. */
export interface ConfigLine {
  key: string;
  value: string;
  line: number;
}

/** Of a key that may be none, for the error. */
const MAX_SHOWN = 40;

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const KEY = /^[^\s#"]+$/;

/**
 * Reads the whole text; an empty value and a key twice are refused.
 *
 * @param file what the file is called in errors
 * @throws NetdiskError `usage`: `FILE:LINE: key: reason`
 */
export function parseConfigFile(text: string, file: string): ConfigLine[] {
  const settings = new Map<string, ConfigLine>();
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const trimmed = content.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const line = index + 1;
    const [beginning = ""] = trimmed.split(/[\s=]/, 1);
    const shown = beginning || trimmed;
    const refuse = (reason: string) =>
      badSetting(settingLabel(file, { line, key: shown }), reason);
    if (CONTROL.test(content)) throw refuse("there is a control character");
    const equals = trimmed.indexOf("=");
    const key = trimmed.slice(0, equals).trimEnd();
    if (equals < 0 || !KEY.test(key)) {
      throw refuse("the line is not of the form key = value");
    }
    const value = valueIn(trimmed.slice(equals + 1).trimStart());
    if (value === undefined) {
      throw refuse("quotes are allowed around the whole value only");
    }
    if (value === "") throw refuse("the value is missing");
    const before = settings.get(key);
    if (before) throw refuse(`it is given on line ${before.line} already`);
    settings.set(key, { key, value, line });
  }
  return [...settings.values()];
}

/** Without quotes and comment; undefined when a quote is where none may be. */
function valueIn(text: string): string | undefined {
  if (text.startsWith('"')) {
    const end = text.indexOf('"', 1);
    const isClosed = end > 0 && /^(?:$|\s+#)/.test(text.slice(end + 1));
    return isClosed ? text.slice(1, end) : undefined;
  }
  // The blank before the # may be the one that was trimmed.
  const comment = ` ${text}`.search(/\s#/);
  const value = comment < 0 ? text : text.slice(0, comment).trimEnd();
  return value.includes('"') ? undefined : value;
}

/** How an error names a setting: `FILE:LINE: key`. */
export function settingLabel(
  file: string,
  { line, key }: Pick<ConfigLine, "line" | "key">,
): string {
  return `${file}:${line}: ${key.slice(0, MAX_SHOWN)}`;
}

/** The refusal of an option or a setting. */
export function badSetting(label: string, reason: string): NetdiskError {
  return new NetdiskError("usage", `${label}: ${reason}`, {
    hint: "netdisk help serve",
  });
}
