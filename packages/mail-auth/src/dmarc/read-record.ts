import type { DmarcRecord } from "@postbus/contracts";
import { trim } from "@postbus/mail";
import { cleanText } from "../clean-text.ts";
import { readTags } from "../dkim/tag-list.ts";

/** RFC 9990 §3.5 lets a receiver limit them; more are asked of nobody honest. */
export const MAX_REPORT_URIS = 10;
const MAX_URI = 500;
const MAX_FO = 20;

/** How the record was found, and what its policies come to. */
interface FoundRecord {
  readonly domain: string;
  readonly p: string;
  readonly sp: string | undefined;
  readonly np: string | undefined;
  readonly isBySuffixes: boolean;
}

/** A policy record (RFC 9989 §4.7) with all that reports want to know of it. @param text As published. */
export function readRecord(text: string, found: FoundRecord): DmarcRecord {
  const tags = readTags(text);
  const word = (name: string): string => (tags.get(name) ?? "").toLowerCase();
  const fo = cleanText(word("fo"), MAX_FO);
  const sp = policyIn(found.sp);
  const np = policyIn(found.np);
  return {
    domain: cleanText(found.domain, 253),
    p: policyIn(found.p) ?? "none",
    ...(sp === undefined ? {} : { sp }),
    ...(np === undefined ? {} : { np }),
    adkim: word("adkim") === "s" ? "s" : "r",
    aspf: word("aspf") === "s" ? "s" : "r",
    ...(fo === "" ? {} : { fo }),
    ...(word("t") === "y" ? { isTest: true } : {}),
    percent: percentIn(word("pct")),
    rua: urisIn(tags.get("rua")),
    ruf: urisIn(tags.get("ruf")),
    ...(found.isBySuffixes ? { isBySuffixes: true } : {}),
  };
}

function policyIn(word: string | undefined): DmarcRecord["p"] | undefined {
  return word === "none" || word === "quarantine" || word === "reject" ? word : undefined;
}

const percentIn = (text: string): number => (/^\d{1,3}$/.test(text) ? Math.min(100, Number(text)) : 100);

/** One that is too long is none: cut, it would be somebody else's. */
function urisIn(list: string | undefined): string[] {
  const uris = (list ?? "").split(",").map(trim);
  return uris.filter((uri) => /^[\x21-\x7e]+$/.test(uri) && uri.length <= MAX_URI).slice(0, MAX_REPORT_URIS);
}
