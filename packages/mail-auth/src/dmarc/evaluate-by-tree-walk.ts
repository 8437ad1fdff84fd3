import { mailauthDmarc } from "../mailauth-library.ts";
import type { LibraryResolver } from "../query-adapter.ts";
import type { DmarcQuestion, Evaluated } from "./evaluated.ts";
import { readRecord } from "./read-record.ts";

/** RFC 9989: domains belong together as the tree walk of §4.10 says. @returns undefined if there is not exactly one author domain. */
export async function evaluateByTreeWalk(
  { headerFrom, spfDomains, dkimDomains }: DmarcQuestion,
  resolver: LibraryResolver,
): Promise<Evaluated | undefined> {
  const { dmarc } = await mailauthDmarc();
  const evaluated = await dmarc({
    headerFrom: [...headerFrom],
    fromFields: 1,
    spfDomains: [...spfDomains],
    dkimDomains: [...dkimDomains],
    resolver,
    strict: true,
  });
  if (evaluated === false) return undefined;
  const { status, policy, alignment, rr, policyDomain, p, sp, np } = evaluated;
  return {
    result: status.result,
    domain: String(status.header?.from ?? ""),
    policy,
    comment: status.comment ?? ("error" in evaluated ? String(evaluated.error) : ""),
    isSpfAligned: alignment?.spf?.result !== undefined,
    isDkimAligned: alignment?.dkim?.result !== undefined,
    record:
      rr === undefined || policyDomain === undefined
        ? undefined
        : readRecord(rr, { domain: policyDomain, p, sp: hasTag(rr, "sp") ? sp : undefined, np, isBySuffixes: false }),
  };
}

/** The library gives `p` for an `sp` that is not there. */
const hasTag = (record: string, name: string): boolean => new RegExp(`;[ \\t]*${name}[ \\t]*=`).test(record);
