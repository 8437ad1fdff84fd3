import { domainToASCII } from "node:url";
import type { SpfFact } from "@postbus/contracts";
import { queryName, type Resolver } from "@postbus/dns";
import { cleanText } from "./clean-text.ts";
import { startDeadline } from "./deadline.ts";
import { mailauthSpf } from "./mailauth-library.ts";
import { queryAdapter } from "./query-adapter.ts";
import { asResult } from "./result.ts";

export interface SpfQuestion {
  /** IP address of the client. */
  readonly clientAddress: string;
  readonly helo: string;
  /** MAIL FROM, latin1; UTF-8 octets if the message is SMTPUTF8. Empty for the null reverse-path. */
  readonly returnPath: string;
}

export interface CheckOptions {
  /** The asker's: when it is aborted, the answer is temperror. */
  readonly signal?: AbortSignal;
  /** For the whole check. */
  readonly timeoutMs?: number;
}

/** RFC 7208 §4.6.4: at least 20 seconds; that is what it gets. */
const SPF_TIMEOUT_MS = 20_000;
/** Stands before the library's comments as the name of the checking host; taken off again. */
const MTA = "mta";

/**
 * May this host send for this domain (RFC 7208)? Never throws for what clients or records say; DNS out of reach is
 * temperror.
 */
export async function checkSpf(
  question: SpfQuestion,
  resolver: Resolver,
  options: CheckOptions = {},
): Promise<SpfFact> {
  const { clientAddress, helo, returnPath } = question;
  // RFC 7208 §2.4: without a MAIL FROM, the HELO name is what is checked.
  const at = returnPath.lastIndexOf("@");
  const named = returnPath === "" ? helo : at < 0 ? "" : returnPath.slice(at + 1);
  const domain = asciiDomain(named);
  // RFC 7208 §4.3: malformed, not fully qualified, or an address literal.
  if (domain === undefined || !domain.includes(".") || domain.startsWith("[")) {
    return { result: "none", domain: cleanText(named, 255).toLowerCase(), comment: "no domain to check" };
  }
  const deadline = startDeadline(options.timeoutMs ?? SPF_TIMEOUT_MS, options.signal);
  try {
    const { spf } = await mailauthSpf();
    const checked = spf({
      sender: returnPath === "" ? "" : `${returnPath.slice(0, at)}@${domain}`,
      ip: clientAddress,
      helo: asciiDomain(helo) ?? "",
      mta: MTA,
      resolver: queryAdapter(resolver, deadline.signal),
      strict: true,
    });
    const { status } = await Promise.race([checked, deadline.timeUp]);
    const comment = cleanText(status.comment ?? "").replace(`${MTA}: `, "");
    return { result: asResult(status.result), domain, ...(comment === "" ? {} : { comment }) };
  } catch (err) {
    return { result: "temperror", domain, comment: cleanText(err instanceof Error ? err.message : String(err)) };
  } finally {
    deadline.stop();
  }
}

/** As A-labels (RFC 8616 §4); undefined if it is no domain name. */
function asciiDomain(domain: string): string | undefined {
  const octets = Buffer.from(domain, "latin1");
  return queryName(octets.every((octet) => octet < 0x80) ? domain : domainToASCII(octets.toString("utf8")));
}
