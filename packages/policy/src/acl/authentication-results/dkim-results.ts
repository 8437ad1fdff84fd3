import type { Signature } from "../dkim/signature.ts";
import type { AclSession } from "../session.ts";
import { comment, property } from "./property.ts";

/** What the DKIM ACL has made of a signature, where that is something else. */
export interface OverriddenSignature {
  readonly status: string;
  readonly reason: string;
}

/** One for each signature of the message (RFC 8601 §2.7.1), once its content is there. */
export async function dkimResults({ message, hooks }: AclSession): Promise<readonly string[]> {
  if (message.content === undefined || message.controls.isDkimOff === true) return [];
  if (message.content.headers.occurrences("dkim-signature").length === 0) return [];
  const signatures = message.signatures ?? (await hooks.signatures?.());
  if (signatures === undefined) return ["dkim=temperror (no answer)"];
  return signatures.map((signature) => dkimResult(signature, message.overriddenSignatures?.get(signature)));
}

function dkimResult(signature: Signature, overridden: OverriddenSignature | undefined): string {
  const words = overridden === undefined ? verdictOn(signature) : policyWords(overridden);
  const properties = [
    property("header.d", signature.domain),
    property("header.i", signature.identity),
    property("header.s", signature.selector),
    property("header.a", signature.algorithm),
  ];
  // As in Exim: behind words there is a new line.
  return `dkim=${words}${words.includes("(") && overridden === undefined ? "\n\t\t" : ""}${properties.join("")}`;
}

const policyWords = ({ status, reason }: OverriddenSignature): string =>
  `policy (${comment(status)} - ${comment(reason)})`;

/** Result and words, in Exim's terms. */
function verdictOn({ status, reason, fault, key }: Signature): string {
  switch (status) {
    case "pass":
    case "none":
      return status;
    case "fail":
      return reason === "pubkey_too_short" && key?.length !== undefined
        ? `fail (public key too short: ${key.length} bits)`
        : `fail (${FAILURES[reason] ?? "unspecified reason"})`;
    case "invalid":
      return (fault === undefined ? INVALID[reason] : FAULTS[fault]) ?? "neutral (signature tag missing or invalid)";
    default:
      return unknownStatus(status);
  }
}

const unknownStatus = (status: never): never => {
  throw new Error(`a signature with status ${String(status)}`);
};

const FAILURES: Readonly<Record<string, string | undefined>> = {
  bodyhash_mismatch: "body hash mismatch; body probably modified in transit",
  signature_incorrect: "signature did not verify; headers probably modified in transit",
  pubkey_too_short: "public key too short",
  signature_expired: "signature expired",
};

/** Exim does not tell a key that is not there from one that is not known for now; RFC 8601 §2.7.1 does. */
const FAULTS: Readonly<Record<NonNullable<Signature["fault"]>, string>> = {
  "no key": "permerror (pubkey unavailable)",
  "overlong key": "permerror (overlong public key record)",
  version: "neutral (unsupported DKIM version)",
};

const INVALID: Readonly<Record<string, string | undefined>> = {
  // Exim writes `tmperror`, which is no word of RFC 8601 §2.7.1.
  pubkey_unavailable: "temperror (pubkey unavailable)",
  pubkey_dns_syntax: "neutral (public key record import problem)",
  pubkey_der_syntax: "neutral (public key record import problem)",
};
