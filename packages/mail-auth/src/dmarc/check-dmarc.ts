import type { DmarcDetail, DmarcFact, SpfFact } from "@postbus/contracts";
import { queryName } from "@postbus/dns";
import { cleanText } from "../clean-text.ts";
import type { CheckedSignature } from "../dkim/check-dkim.ts";
import type { LibraryResolver } from "../query-adapter.ts";
import { asResult } from "../result.ts";
import { authorAddresses } from "./author-addresses.ts";
import { evaluateBySuffixes } from "./evaluate-by-suffixes.ts";
import { evaluateByTreeWalk } from "./evaluate-by-tree-walk.ts";
import type { Evaluated } from "./evaluated.ts";
import type { PublicSuffixes } from "./public-suffixes.ts";

export interface DmarcEvidence {
  /** Bodies of all From fields, latin1. */
  readonly from: readonly string[];
  readonly spf?: SpfFact;
  readonly signatures: readonly CheckedSignature[];
}

export interface CheckedDmarc {
  readonly fact: DmarcFact;
  readonly detail: DmarcDetail;
}

const UNSURE = "the domain of the author cannot be told for sure";
const NOTHING: DmarcDetail = { isSpfAligned: false, isDkimAligned: false };

const noAuthor = (result: "none" | "permerror", comment: string): CheckedDmarc => ({
  fact: { result, domain: "", comment },
  detail: NOTHING,
});

/** The check could not be made. */
export const uncheckedDmarc = (comment: string): CheckedDmarc => ({
  fact: { result: "temperror", domain: "", comment: cleanText(comment) },
  detail: NOTHING,
});

/**
 * Do the domains that were proved belong to the author that the reader sees (RFC 9989)?
 *
 * Without an author there is nothing to check (`none`); with several, or one that cannot be told for sure, nothing can
 * be concluded (`permerror`, RFC 9989 §5.3.1).
 *
 * @param suffixes There: domains belong together by them (RFC 7489), not by the tree walk.
 */
export async function checkDmarc(
  evidence: DmarcEvidence,
  resolver: LibraryResolver,
  suffixes?: PublicSuffixes,
): Promise<CheckedDmarc> {
  const { from, spf, signatures } = evidence;
  if (from.length > 1) return noAuthor("permerror", "more than one From field");
  const headerFrom = [...new Set(authorAddresses(Buffer.from(from[0] ?? "", "latin1").toString("utf8")))];
  if (headerFrom.length === 0) return noAuthor("none", "no address in From");
  // The library would take a word alone for a domain.
  if (headerFrom.some((address) => !address.includes("@"))) return noAuthor("permerror", UNSURE);

  const evaluate = async (spfDomains: readonly string[], checked: readonly CheckedSignature[]) => {
    const dkimDomains = checked.map(({ fact, underSized }) => ({
      domain: fact.domain,
      ...(underSized === undefined ? {} : { underSized }),
    }));
    const question = { headerFrom, spfDomains, dkimDomains };
    const evaluated =
      suffixes === undefined
        ? await evaluateByTreeWalk(question, resolver)
        : await evaluateBySuffixes(question, resolver, suffixes);
    return evaluated === undefined ? undefined : checkedOf(evaluated);
  };
  const proved = signatures.filter(({ fact }) => fact.result === "pass");
  const first = await evaluate(spf?.result === "pass" ? [spf.domain] : [], proved);
  if (first === undefined) return noAuthor("permerror", UNSURE);
  if (first.fact.result !== "fail") return first;

  // Something that might have proved the author could not be checked for now: then the failure is not final, either.
  const unknown = signatures.filter(({ fact }) => fact.result === "temperror");
  const unknownSpf = spf?.result === "temperror" ? [spf.domain] : [];
  if (unknown.length === 0 && unknownSpf.length === 0) return first;
  const second = await evaluate(unknownSpf, unknown);
  if (second?.fact.result !== "pass") return first;
  const comment = "an aligned domain could not be checked for now";
  return { ...first, fact: { ...first.fact, result: "temperror", comment } };
}

/** @returns undefined if the author's domain cannot be one. */
function checkedOf(evaluated: Evaluated): CheckedDmarc | undefined {
  const { domain, policy, isSpfAligned, isDkimAligned, record } = evaluated;
  // What cannot be a domain has no record, and must not pass for one that publishes none.
  if (queryName(domain) === undefined) return undefined;
  const comment = cleanText(evaluated.comment);
  return {
    fact: {
      result: asResult(evaluated.result),
      domain: cleanText(domain, 253),
      ...(policy === undefined ? {} : { policy }),
      ...(comment === "" ? {} : { comment }),
    },
    detail: { isSpfAligned, isDkimAligned, ...(record === undefined ? {} : { record }) },
  };
}
