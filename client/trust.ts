/**
 * Which server may be talked to: pinned on first contact as SSH does it, or
 * signed by an authority. Decides before a byte of a secret is sent.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress, type ServerLink } from "../protocol/link.ts";
import type { Trust } from "./config.ts";

/**
 * The name in a self-signed certificate. No public authority signs a name of
 * one label, so only a pinned certificate can ever match it.
 */
export const SELF_SIGNED_NAME = "netdisk";

/** A server's certificate as it was seen. */
export interface SeenCertificate {
  /** SHA-256 of the DER bytes in base64url. */
  fingerprint: string;
  /** PEM. */
  certificate: string;
  /** Signed with its own key and made for netdisk: it can be pinned. */
  pinnable: boolean;
}

/** Why TLS refuses a certificate. */
export type CertificateFault =
  | "unknown-signer"
  | "other-name"
  | "expired"
  | "not-yet-valid";

/** What the first contact may do without asking. */
export interface FirstContact {
  link: ServerLink;
  /** `--accept-new` */
  acceptNew: boolean;
  /** Asks on the terminal; undefined where there is none. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
  notice: (text: string) => void;
}

/**
 * Decides about a certificate that no authority vouches for, of a server that
 * is not pinned yet.
 *
 * @throws NetdiskError `identity` when it is not to be trusted
 */
export async function decideFirstContact(
  seen: SeenCertificate,
  contact: FirstContact,
): Promise<Trust> {
  const { link, acceptNew, confirm, notice } = contact;
  const address = formatAddress(link.host, link.port);
  const { fingerprint, certificate } = seen;
  if (link.fingerprint !== undefined && link.fingerprint !== fingerprint) {
    throw new NetdiskError(
      "identity",
      `${address}: the server is not the one of the link (its fingerprint is ${fingerprint})`,
      { hint: "ask whoever gave you the link for the server's current one" },
    );
  }
  if (!seen.pinnable) throw certificateRefused(address, "unknown-signer");
  const pin: Trust = { kind: "pin", fingerprint, certificate };
  if (link.fingerprint !== undefined) return pin;
  if (acceptNew || isLoopbackName(link.host)) {
    notice(
      `${address}: new server, its fingerprint ${fingerprint} is remembered`,
    );
    return pin;
  }
  if (confirm) {
    notice(`${address} is not known yet; its fingerprint is ${fingerprint}`);
    const question =
      "Is it the one in the link that the server printed, and shall it be remembered?";
    if (await confirm(question)) return pin;
    throw new NetdiskError(
      "identity",
      `${address}: the server was not accepted`,
    );
  }
  throw new NetdiskError(
    "identity",
    `${address}: the server is not known yet (its fingerprint is ${fingerprint})`,
    {
      hint:
        "give the netdisk:// link that the server printed as --server, or accept it unseen with --accept-new",
    },
  );
}

/** The refusal of a server that is not the one that was pinned. */
export function identityChanged(
  address: string,
  pinned: string,
  seen: string,
): NetdiskError {
  return new NetdiskError(
    "identity",
    `${address}: THE SERVER'S IDENTITY HAS CHANGED, or somebody is in between: ` +
      `${pinned} is remembered, it shows ${seen}`,
    {
      hint:
        "only if you know why: netdisk login NAME --server 'LINK', with the link that the server prints now",
    },
  );
}

/** The refusal of a link that does not fit what is remembered; the server was not asked. */
export function linkDiffers(
  address: string,
  remembered: string,
  linked: string,
): NetdiskError {
  return new NetdiskError(
    "identity",
    `${address}: the link is for another identity (${linked}) than the one that is remembered (${remembered})`,
    {
      hint:
        "only if the server has a new one: netdisk login NAME --server 'LINK'",
    },
  );
}

/** The refusal of a certificate that may be the right one but does not hold. */
export function certificateRefused(
  address: string,
  fault: CertificateFault,
): NetdiskError {
  const { text, hint } = CERTIFICATE_FAULTS[fault];
  const message = `${address}: the server's certificate ${text}`;
  return new NetdiskError("identity", message, { hint });
}

const CERTIFICATE_FAULTS: Readonly<
  Record<CertificateFault, { text: string; hint: string }>
> = {
  "unknown-signer": {
    text: "is signed by an authority that is not known",
    hint: "give the authority's certificate with --cacert FILE",
  },
  "other-name": {
    text: "is for another name",
    hint: "give the name that it is for: --server NAME",
  },
  "expired": {
    text: "has expired",
    hint: "ask whoever runs the server to renew it",
  },
  "not-yet-valid": {
    text: "is not valid yet",
    hint: "check the clock of this machine",
  },
};

/** True for a server on this machine, which nobody else can stand in for easily. */
export function isLoopbackName(host: string): boolean {
  return host === "localhost" || host === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(host);
}
