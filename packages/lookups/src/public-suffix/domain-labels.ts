import { domainToASCII } from "node:url";
import { asciiLower } from "../linear/ascii-lower.ts";
import { textOf } from "../utf8-octets.ts";

/** A domain in lower case, label by label, and in the form in which names are compared (A-labels, RFC 5890 §2.3.2.1). */
export interface DomainLabels {
  readonly written: readonly string[];
  readonly compared: readonly string[];
}

/** @param domain Octets. Whatever is no domain is taken as it is, and will match nothing. */
export function domainLabels(domain: string): DomainLabels {
  const lower = asciiLower(domain);
  const labels = lower.split(".");
  const text = /[\x80-\xff]/.test(domain) ? textOf(domain) : undefined;
  const ascii = text === undefined ? "" : domainToASCII(text);
  if (ascii === "") return { written: labels, compared: labels };
  const compared = ascii.split(".");
  const small = Buffer.from((text ?? "").toLowerCase(), "utf8")
    .toString("latin1")
    .split(".");
  return { written: small.length === compared.length ? small : compared, compared };
}
