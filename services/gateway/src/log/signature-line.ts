import type { DkimSignature } from "@postbus/contracts";

/** A line of the log about one signature of a message that comes (`log_selector = +dkim_verbose`), in Exim's words. */
export function signatureLine(signature: DkimSignature): string {
  const { domain, selector, algorithm, headerCanonicalization: header, bodyCanonicalization: body } = signature;
  const { identity, created, expires, bodyLength, signatureBits = 0 } = signature;
  const named = `DKIM: d=${domain} s=${selector} c=${header}/${body} a=${algorithm} b=${signatureBits}`;
  const tags = [
    identity === undefined ? "" : ` i=${identity}`,
    created === undefined ? "" : ` t=${created}`,
    expires === undefined ? "" : ` x=${expires}`,
    bodyLength === undefined ? "" : ` l=${bodyLength}`,
  ];
  return `${named}${tags.join("")} [${verdict(signature)}]`;
}

function verdict({ status, reason, fault }: DkimSignature): string {
  if (status === "pass") return "verification succeeded";
  if (status === "none") return "not verified";
  if (status === "fail") return `verification failed - ${FAILURES.get(reason) ?? "unspecified reason"}`;
  return `invalid - ${FAULTS.get(fault) ?? PROBLEMS.get(reason) ?? "signature tag missing or invalid"}`;
}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ["bodyhash_mismatch", "body hash mismatch (body probably modified in transit)"],
  ["signature_incorrect", "signature did not verify (headers probably modified in transit)"],
  ["pubkey_too_short", "signature invalid (key too short)"],
  ["signature_expired", "signature expired"],
]);

const FAULTS: ReadonlyMap<DkimSignature["fault"], string> = new Map([
  ["overlong key", "overlong public key record"],
  ["version", "unsupported DKIM version"],
]);

const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["pubkey_unavailable", "public key record (currently?) unavailable"],
  ["pubkey_dns_syntax", "syntax error in public key record"],
  ["pubkey_der_syntax", "syntax error in public key record"],
]);
