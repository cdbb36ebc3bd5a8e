/** What user names, passwords and tokens look like (SPEC.md 5), for both sides. */

/** 1 to 32 of `a-z 0-9 . _ -`, starting with a letter or a digit. */
const USER_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

/** The shortest password, in bytes of UTF-8 (NIST SP 800-63B, 5.1.1.2). */
export const MIN_PASSWORD_BYTES = 8;

/** The longest password, in bytes of UTF-8: hashing must not become the work. */
export const MAX_PASSWORD_BYTES = 1024;

/** A session token: 256 random bits in base64url. */
export const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** An invite: 128 random bits in base64url. */
export const INVITE = /^[A-Za-z0-9_-]{22}$/;

/** The SHA-256 of a certificate's DER bytes in base64url. */
export const FINGERPRINT = /^[A-Za-z0-9_-]{43}$/;

/** What a refused login says, whichever of the two is wrong. */
export const WRONG_LOGIN = "wrong user name or password";

/** Why `user` cannot be a user name, or undefined when it can. */
export function userNameFault(user: string): string | undefined {
  if (USER_NAME.test(user)) return undefined;
  return "a user name is 1 to 32 of a-z 0-9 . _ - and starts with a letter or a digit";
}

/** Why `password` is refused, or undefined when it is not. */
export function passwordFault(password: string): string | undefined {
  const bytes = new TextEncoder().encode(password).length;
  if (bytes < MIN_PASSWORD_BYTES) {
    return `a password has at least ${MIN_PASSWORD_BYTES} bytes`;
  }
  if (bytes > MAX_PASSWORD_BYTES) {
    return `a password has at most ${MAX_PASSWORD_BYTES} bytes`;
  }
  return undefined;
}
