import { queryName } from "@postbus/dns";
import { mailauthAuthor, mailauthDmarcRecords } from "../mailauth-library.ts";
import type { LibraryResolver } from "../query-adapter.ts";
import type { DmarcQuestion, Evaluated } from "./evaluated.ts";
import type { PublicSuffixes } from "./public-suffixes.ts";
import { readRecord } from "./read-record.ts";

/**
 * RFC 7489, which RFC 9989 has replaced and Exim still follows: domains belong together by the list of public suffixes.
 * The record is the author domain's own (§6.6.3) or that of its organization; `np`, `psd` and `t` are not known, and
 * `pct` is not obeyed: whoever applies the policy may do that.
 *
 * @returns undefined if there is not exactly one author domain.
 */
export async function evaluateBySuffixes(
  { headerFrom, spfDomains, dkimDomains }: DmarcQuestion,
  resolver: LibraryResolver,
  suffixes: PublicSuffixes,
): Promise<Evaluated | undefined> {
  const [{ getAuthorDomain }, { createRecordLookup, getPolicyTags }] = await Promise.all([
    mailauthAuthor(),
    mailauthDmarcRecords(),
  ]);
  const { domain, authorDomain } = getAuthorDomain(headerFrom, 1);
  if (domain === undefined || authorDomain === undefined || queryName(authorDomain) === undefined) return undefined;
  const lookup = createRecordLookup(resolver, { strict: true });
  const organization = suffixes.organizationOf(authorDomain);
  const without = { domain, isSpfAligned: false, isDkimAligned: false };
  try {
    let at = authorDomain;
    let found = await lookup(at);
    if (found === false && organization !== at) {
      at = organization;
      found = await lookup(at);
    }
    const tags = found === false ? null : getPolicyTags(found);
    if (found === false || tags === null) return { ...without, result: "none", comment: "" };

    const record = readRecord(found.rr, {
      domain: at,
      p: tags.p,
      sp: tags.sp,
      np: undefined,
      isBySuffixes: true,
    });
    const isAligned = (name: string, isStrict: boolean): boolean => {
      const proved = queryName(name);
      if (proved === undefined) return false;
      return isStrict ? proved === authorDomain : suffixes.organizationOf(proved) === organization;
    };
    const isSpfAligned = spfDomains.some((name) => isAligned(name, record.aspf === "s"));
    const isDkimAligned = dkimDomains.some((signed) => isAligned(signed.domain, record.adkim === "s"));
    return {
      result: isSpfAligned || isDkimAligned ? "pass" : "fail",
      domain,
      policy: at === authorDomain ? record.p : (record.sp ?? record.p),
      comment: "",
      isSpfAligned,
      isDkimAligned,
      record,
    };
  } catch (err) {
    return { ...without, result: "temperror", comment: err instanceof Error ? err.message : String(err) };
  }
}
