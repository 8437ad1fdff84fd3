import {
  type ArcFact,
  type DkimFact,
  type DkimLimits,
  type DkimSignature,
  type DmarcDetail,
  type DmarcFact,
  type SpfFact,
  USUAL_HEADER_OCTETS,
} from "@postbus/contracts";
import type { Resolver } from "@postbus/dns";
import { ArcCheck, NO_CHAIN } from "./arc/check-arc.ts";
import { BodyHashes } from "./canonical/body-hashes.ts";
import { SignedHeader } from "./canonical/signed-header.ts";
import type { CheckOptions } from "./check-spf.ts";
import { startDeadline, TimeUpError, within } from "./deadline.ts";
import { type CheckedSignature, DkimCheck, MAX_SIGNATURES } from "./dkim/check-dkim.ts";
import { KeyRecords } from "./dkim/key-records.ts";
import { type CheckedDmarc, checkDmarc, uncheckedDmarc } from "./dmarc/check-dmarc.ts";
import type { PublicSuffixes } from "./dmarc/public-suffixes.ts";
import { type Field, type HeaderSection, readHeaderSection } from "./header-section.ts";
import { readMessageParts } from "./message-parts.ts";
import { type LibraryResolver, queryAdapter } from "./query-adapter.ts";
import { QueryBudget } from "./query-budget.ts";
import { readBody } from "./read-body.ts";

export interface MessageFacts {
  /** One for each signature that was looked at, from the top; empty if there is none. */
  readonly dkim: readonly DkimFact[];
  readonly dmarc: DmarcFact;
  readonly dmarcDetail: DmarcDetail;
  /** All about the signatures that count as such, if that was wanted. */
  readonly signatures: readonly DkimSignature[];
  /** If it was wanted. */
  readonly arc?: ArcFact;
  /** DNS queries that were made. */
  readonly queries: number;
}

/** All but how much it has cost. */
type Found = Omit<MessageFacts, "queries">;

export interface MessageCheckOptions extends CheckOptions {
  /** `signatures` is wanted. */
  readonly wantsSignatures?: boolean;
  /** What is taken for a signature, here and by DMARC; absent: what RFC 8301 does. */
  readonly dkimLimits?: DkimLimits;
  /** As if there were no signature. */
  readonly skipsDkim?: boolean;
  /** DMARC is not checked. */
  readonly skipsDmarc?: boolean;
  /** The chain of seals is to be checked, too (RFC 8617). */
  readonly wantsArc?: boolean;
  /** A longer header section is not looked at; absent: 1 MiB, as Exim's `header_maxsize`. */
  readonly maxHeaderOctets?: number;
  /** What SPF said of the return path. */
  readonly spf?: SpfFact;
  /** For DMARC by RFC 7489: the list of public suffixes, to be read when it is needed. */
  readonly suffixes?: () => Promise<PublicSuffixes>;
}

/** Below the patience of a client at the final dot (RFC 5321 §4.5.3.2.6: 10 min), with room for other services. */
const MESSAGE_TIMEOUT_MS = 30_000;

/** Of a check's time, what the DNS has: what it has not said by then is temperror, and the rest is known. */
const DNS_SHARE = 0.9;

/** For the keys of a chain of seals, behind all else. */
const ARC_MS = 4_000;

/** What is said when a check could not be carried through: the client may try again. Of the chain of seals, nothing. */
export const unchecked = (comment: string): MessageFacts => ({
  dkim: [],
  ...named(uncheckedDmarc(comment)),
  signatures: [],
  queries: 0,
});

/** What is said of DMARC where it is not to be checked. */
const SKIPPED: CheckedDmarc = {
  fact: { result: "none", domain: "" },
  detail: { isSpfAligned: false, isDkimAligned: false },
};

/** RFC 8617 has no word for "try again". */
const brokenArc = (reason: string): ArcFact => ({ result: "fail", reason, instance: 0, oldestPass: 0, hops: [] });

/**
 * Who vouches for this message? DKIM signatures (RFC 6376), and whether they or SPF prove the author (DMARC, RFC 9989).
 *
 * Never throws for what is in the message or in the DNS. It is read in pieces, and no further than needed: without a
 * signature, to the end of the header section.
 *
 * @throws what reading the content throws.
 */
export async function checkMessage(
  content: Buffer | AsyncIterable<Buffer>,
  options: MessageCheckOptions,
  resolver: Resolver,
): Promise<MessageFacts> {
  const timeoutMs = options.timeoutMs ?? MESSAGE_TIMEOUT_MS;
  const deadline = startDeadline(timeoutMs, options.signal);
  const dns = startDeadline(timeoutMs * DNS_SHARE, deadline.signal);
  const budget = new QueryBudget(options.spentQueries);
  try {
    const query = queryAdapter(resolver, dns.signal, budget);
    const found = await Promise.race([check(content, options, query), deadline.timeUp]);
    return { ...found, queries: budget.spent };
  } catch (err) {
    if (err instanceof TimeUpError) return unchecked("the check took too long");
    throw err;
  } finally {
    dns.stop();
    deadline.stop();
  }
}

async function check(
  content: Buffer | AsyncIterable<Buffer>,
  {
    spf,
    suffixes,
    wantsArc = false,
    wantsSignatures = false,
    dkimLimits,
    skipsDkim = false,
    skipsDmarc = false,
    maxHeaderOctets = USUAL_HEADER_OCTETS,
    timeoutMs = MESSAGE_TIMEOUT_MS,
  }: MessageCheckOptions,
  resolver: LibraryResolver,
): Promise<Found> {
  const parts = await readMessageParts(content, maxHeaderOctets);
  const nothing = (reason: string, signatures: number): Found => ({
    ...unusable(reason, skipsDkim ? 0 : signatures),
    ...(skipsDmarc ? named(SKIPPED) : {}),
  });
  const header = parts.header ?? parts.top;
  const section = parts.header === undefined ? readTooLong(header) : readHeaderSection(header);
  if (section.kind === "unusable") {
    await parts.discard();
    const { reason, signatures } = section;
    return { ...nothing(reason, signatures), ...(wantsArc ? { arc: brokenArc(reason) } : {}) };
  }
  const fromOf = (): readonly string[] =>
    section.fields.filter(({ name }) => name === "from").map((field) => bodyOf(header, field));
  const judged = async (signatures: readonly CheckedSignature[]): Promise<Pick<Found, "dmarc" | "dmarcDetail">> => {
    if (skipsDmarc) return named(SKIPPED);
    const bySpf = spf === undefined ? {} : { spf };
    return named(await dmarcOf({ from: fromOf(), signatures, ...bySpf }, resolver, suffixes));
  };
  if (section.kind === "broken") {
    await parts.discard();
    const { reason, signatures, hasFromBelow } = section;
    return {
      ...nothing(reason, signatures),
      ...(hasFromBelow ? {} : await judged([])),
      ...(wantsArc ? { arc: brokenArc(reason) } : {}),
    };
  }
  const { fields } = section;
  const isSigned = !skipsDkim && fields.some(({ name }) => name === "dkim-signature");
  const isSealed = wantsArc && fields.some(({ name }) => name.startsWith("arc-"));
  const hashes = new BodyHashes();
  const signed = new SignedHeader(header, fields);
  const dkim = isSigned ? new DkimCheck(signed, fields, hashes, dkimLimits) : undefined;
  const arc = isSealed ? new ArcCheck(signed, fields, hashes) : undefined;
  if (hashes.areWanted) await readBody(parts.rest(), (piece) => hashes.update(piece));
  else await parts.discard();
  const keys = new KeyRecords(resolver, timeoutMs);
  const nowMs = Date.now();
  const signatures: readonly CheckedSignature[] = (await dkim?.results(keys, nowMs)) ?? [];
  const dmarc = await judged(signatures);
  // A chain whose keys are not to be had leaves the question open, and the others answered.
  const chain = wantsArc
    ? arc === undefined
      ? NO_CHAIN
      : await within(arc.result(keys, nowMs), ARC_MS, undefined)
    : undefined;
  return {
    dkim: signatures.map(({ fact }) => fact),
    ...dmarc,
    signatures: wantsSignatures ? described(signatures, dkimLimits) : [],
    ...(chain === undefined ? {} : { arc: chain }),
  };
}

/** What an ACL is told of; with `isMinimal`, nothing was verified behind the first that holds. */
function described(signatures: readonly CheckedSignature[], limits: DkimLimits | undefined): readonly DkimSignature[] {
  const all = signatures.flatMap((signature) => signature.describe() ?? []);
  const first = limits?.isMinimal === true ? all.findIndex(({ status }) => status === "pass") : -1;
  return all.map((signature, i) => {
    if (first === -1 || i <= first) return signature;
    const { key: _key, fault: _fault, ...rest } = signature;
    return { ...rest, status: "none", reason: "" };
  });
}

/** No empty line within the limit: either it is as long as that, or its end is a line that is no field. */
function readTooLong(top: Buffer): Exclude<HeaderSection, { readonly kind: "fields" }> {
  const section = readHeaderSection(top);
  return section.kind === "broken" ? section : { kind: "unusable", reason: "header section too long", signatures: 0 };
}

/** A list that cannot be read leaves the question open. */
async function dmarcOf(
  evidence: Parameters<typeof checkDmarc>[0],
  resolver: LibraryResolver,
  suffixes: MessageCheckOptions["suffixes"],
): Promise<CheckedDmarc> {
  if (suffixes === undefined) return checkDmarc(evidence, resolver);
  let read: PublicSuffixes;
  try {
    read = await suffixes();
  } catch (err) {
    return uncheckedDmarc(err instanceof Error ? err.message : String(err));
  }
  return checkDmarc(evidence, resolver, read);
}

const named = ({ fact, detail }: CheckedDmarc): Pick<MessageFacts, "dmarc" | "dmarcDetail"> => ({
  dmarc: fact,
  dmarcDetail: detail,
});

/** Nothing counts, not even a signature that would verify: it may be about another message than the reader sees. */
function unusable(reason: string, signatures: number): Found {
  const fact: DkimFact = { result: "permerror", domain: "", selector: "", comment: reason };
  return {
    dkim: Array.from({ length: Math.min(signatures, MAX_SIGNATURES) }, () => fact),
    dmarc: { result: "permerror", domain: "", comment: reason },
    dmarcDetail: { isSpfAligned: false, isDkimAligned: false },
    signatures: [],
  };
}

function bodyOf(header: Buffer, { start, end }: Field): string {
  const text = header.toString("latin1", start, end);
  return text.slice(text.indexOf(":") + 1);
}
