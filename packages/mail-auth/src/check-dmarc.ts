import type { DmarcFact, SpfFact } from "@postbus/contracts";
import { queryName } from "@postbus/dns";
import { authorAddresses } from "./author-addresses.ts";
import { cleanText } from "./clean-text.ts";
import type { CheckedSignature } from "./dkim/check-dkim.ts";
import { mailauthDmarc } from "./mailauth-library.ts";
import type { LibraryResolver } from "./query-adapter.ts";
import { asResult } from "./result.ts";

export interface DmarcEvidence {
  /** Bodies of all From fields, latin1. */
  readonly from: readonly string[];
  readonly spf?: SpfFact;
  readonly signatures: readonly CheckedSignature[];
}

const UNSURE = "the domain of the author cannot be told for sure";

const noAuthor = (result: "none" | "permerror", comment: string): DmarcFact => ({ result, domain: "", comment });

/**
 * Do the domains that were proved belong to the author that the reader sees (RFC 9989)?
 *
 * Without an author there is nothing to check (`none`); with several, or one that cannot be told for sure, nothing can
 * be concluded (`permerror`, RFC 9989 §5.3.1).
 */
export async function checkDmarc(evidence: DmarcEvidence, resolver: LibraryResolver): Promise<DmarcFact> {
  const { from, spf, signatures } = evidence;
  if (from.length > 1) return noAuthor("permerror", "more than one From field");
  const headerFrom = authorAddresses(Buffer.from(from[0] ?? "", "latin1").toString("utf8"));
  if (headerFrom.length === 0) return noAuthor("none", "no address in From");
  // The library would take a word alone for a domain.
  if (headerFrom.some((address) => !address.includes("@"))) return noAuthor("permerror", UNSURE);

  const evaluate = await evaluator([...headerFrom], resolver);
  const proved = [...signatures].filter(({ fact }) => fact.result === "pass");
  const first = await evaluate(spf?.result === "pass" ? [spf.domain] : [], proved);
  if (first === undefined) return noAuthor("permerror", UNSURE);
  if (first.result !== "fail") return first;

  // Something that might have proved the author could not be checked for now: then the failure is not final, either.
  const unknown = signatures.filter(({ fact }) => fact.result === "temperror");
  const unknownSpf = spf?.result === "temperror" ? [spf.domain] : [];
  if (unknown.length === 0 && unknownSpf.length === 0) return first;
  const second = await evaluate(unknownSpf, unknown);
  if (second?.result !== "pass") return first;
  return { ...first, result: "temperror", comment: "an aligned domain could not be checked for now" };
}

type Evaluate = (
  spfDomains: readonly string[],
  signatures: readonly CheckedSignature[],
) => Promise<DmarcFact | undefined>;

/** @returns a function that gives undefined if there is not exactly one author domain. */
async function evaluator(headerFrom: string[], resolver: LibraryResolver): Promise<Evaluate> {
  const { dmarc } = await mailauthDmarc();
  return async (spfDomains, signatures) => {
    const dkimDomains = signatures.map(({ fact, underSized }) => ({
      domain: fact.domain,
      ...(underSized === undefined ? {} : { underSized }),
    }));
    const options = { headerFrom, fromFields: 1, spfDomains: [...spfDomains], dkimDomains, resolver, strict: true };
    const evaluated = await dmarc(options);
    if (evaluated === false) return undefined;
    const { status, policy } = evaluated;
    const domain = String(status.header?.from ?? "");
    // What cannot be a domain has no record, and must not pass for one that publishes none.
    if (queryName(domain) === undefined) return undefined;
    const comment = cleanText(status.comment ?? ("error" in evaluated ? String(evaluated.error) : ""));
    return {
      result: asResult(status.result),
      domain: cleanText(domain, 253),
      ...(policy === undefined ? {} : { policy }),
      ...(comment === "" ? {} : { comment }),
    };
  };
}
