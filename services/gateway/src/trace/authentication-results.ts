import type { Facts } from "@postbus/contracts";

/** Words that a property's value may be without quotes (RFC 8601 §2.2): an address, a domain, a selector. */
const PLAIN = /^(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** A value from a peer is cut here, so that a line stays below 998 octets (RFC 5322 §2.1.1). */
const MAX_VALUE = 320;
const MAX_COMMENT = 200;

/**
 * What was found out about a message, as a header field (RFC 8601), for reports about it. One result a line.
 *
 * @param returnPath MAIL FROM; empty: SPF has looked at the HELO name.
 * @param facts Only those that were asked for; a method without a fact is not mentioned.
 */
export function authenticationResults(authservId: string, returnPath: string, facts: Facts): string {
  const results: string[] = [];
  if (facts.spf !== undefined) {
    const { result, domain, comment } = facts.spf;
    const identity = returnPath === "" ? property("smtp.helo", domain) : property("smtp.mailfrom", returnPath);
    results.push(`spf=${result}${remark(comment)}${identity}`);
  }
  for (const { result, domain, selector, algorithm, comment } of facts.dkim ?? []) {
    results.push(
      `dkim=${result}${remark(comment)}${property("header.d", domain)}${property("header.s", selector)}${property("header.a", algorithm)}`,
    );
  }
  if (facts.dkim?.length === 0) results.push("dkim=none");
  if (facts.dmarc !== undefined) {
    const { result, domain, policy, comment } = facts.dmarc;
    const asked = policy === undefined ? comment : `p=${policy}${comment === undefined ? "" : ` ${comment}`}`;
    results.push(`dmarc=${result}${remark(asked)}${property("header.from", domain)}`);
  }
  if (results.length === 0) return "";
  return `Authentication-Results: ${authservId};\r\n\t${results.join(";\r\n\t")}\r\n`;
}

/** ` name=value`, the value quoted where it is not plain; nothing for no value. */
function property(name: string, value: string | undefined): string {
  if (value === undefined || value === "") return "";
  const cut = value.slice(0, MAX_VALUE);
  if (PLAIN.test(cut)) return ` ${name}=${cut}`;
  return ` ${name}="${cut.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/** ` (words)`; what could end the comment or the line is replaced (peers write SPF explanations and DKIM tags). */
function remark(comment: string | undefined): string {
  if (comment === undefined || comment === "") return "";
  return ` (${comment.slice(0, MAX_COMMENT).replace(/[^ -~]|[()\\]/g, "?")})`;
}
