import type { SmtpMessage } from "../smtp/message.ts";
import type { Signature } from "./signature.ts";

type Found = SmtpMessage["found"];

/** What variables say without a signature, as in Exim: no limit is a number that nothing reaches. */
export const signatureDefaults: ReadonlyMap<string, string> = new Map([
  ["dkim_bodylength", "9999999999999"],
  ["dkim_expires", "9999999999999"],
  ["dkim_key_srvtype", "*"],
  ["dkim_key_granularity", "*"],
]);

/** Sets the variables of the signature that the DKIM ACL is asked about. */
export function setSignatureVariables(signature: Signature, found: Found): void {
  forgetSignature(found);
  const { key } = signature;
  found.set("dkim_verify_status", signature.status);
  found.set("dkim_verify_reason", signature.reason);
  found.set("dkim_domain", signature.domain);
  found.set("dkim_selector", signature.selector);
  found.set("dkim_key_length", key?.length ?? 0);
  found.set("dkim_key_testing", key?.testing === true ? 1 : 0);
  found.set("dkim_key_nosubdomains", key?.noSubdomains === true ? 1 : 0);
  const others: Readonly<Record<string, string | number | undefined>> = {
    dkim_identity: signature.identity,
    dkim_algo: signature.algorithm,
    dkim_canon_body: signature.bodyCanonicalization,
    dkim_canon_headers: signature.headerCanonicalization,
    dkim_bodylength: signature.bodyLength,
    dkim_created: signature.created,
    dkim_expires: signature.expires,
    dkim_headernames: signature.headerNames,
    dkim_copiedheaders: signature.copiedHeaders,
    dkim_key_srvtype: key?.serviceTypes,
    dkim_key_granularity: key?.granularity,
    dkim_key_notes: key?.notes,
  };
  for (const [name, value] of Object.entries(others)) if (value !== undefined) found.set(name, value);
}

/** There is no signature of that signer. As in Exim, domain, selector and length of the key stay those of the one before. */
export function setNoSignature(found: Found): void {
  forgetSignature(found);
  found.set("dkim_verify_status", "none");
  found.set("dkim_verify_reason", "");
}

function forgetSignature(found: Found): void {
  for (const name of OF_SIGNATURE) found.delete(name);
}

const OF_SIGNATURE = [
  "dkim_identity",
  "dkim_algo",
  "dkim_canon_body",
  "dkim_canon_headers",
  "dkim_bodylength",
  "dkim_created",
  "dkim_expires",
  "dkim_headernames",
  "dkim_copiedheaders",
  "dkim_key_testing",
  "dkim_key_nosubdomains",
  "dkim_key_srvtype",
  "dkim_key_granularity",
  "dkim_key_notes",
] as const;
