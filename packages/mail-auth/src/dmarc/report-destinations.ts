import type { DestinationsAnswer, DestinationsRequest } from "@postbus/contracts";
import { queryName, type Resolver } from "@postbus/dns";
import type { CheckOptions } from "../check-spf.ts";
import { startDeadline } from "../deadline.ts";
import { readTags } from "../dkim/tag-list.ts";
import { mailauthDmarcRecords } from "../mailauth-library.ts";
import { type LibraryResolver, queryAdapter } from "../query-adapter.ts";
import type { PublicSuffixes } from "./public-suffixes.ts";

type Destination = DestinationsAnswer["destinations"][number];

const TIMEOUT_MS = 20_000;
const VERSION = /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/i;
const MAX_ADDRESS = 254;
/** RFC 5321 §4.1.2, without quotes: it is to stand in an envelope and in a header field, and a record's author has chosen it. */
const PLAIN_ADDRESS = /^(?=[^@]{1,64}@)[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*@[A-Za-z0-9.-]+$/;
const UNIT: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Who may be sent reports about a domain: addresses of its own organization, and strangers that say so themselves in
 * `<domain>._report._dmarc.<destination>` (RFC 9990 §4), so that nobody can have a flood of reports sent to a third.
 * Only `mailto:`; never throws for what is in a record.
 */
export async function reportDestinations(
  { domain, uris, tag }: DestinationsRequest,
  resolver: Resolver,
  { signal, timeoutMs = TIMEOUT_MS }: CheckOptions = {},
  suffixes?: PublicSuffixes,
): Promise<DestinationsAnswer> {
  const deadline = startDeadline(timeoutMs, signal);
  try {
    const ask = queryAdapter(resolver, deadline.signal);
    const organizationOf = await organizations(ask, suffixes);
    const found = new Map<string, Destination>();
    let isIncomplete = false;
    for (const uri of uris) {
      const wanted = destinationOf(uri);
      if (wanted === undefined) continue;
      try {
        const allowed = await allowedFor(domain, wanted, tag, ask, organizationOf);
        if (allowed !== undefined && !found.has(allowed.address)) found.set(allowed.address, allowed);
      } catch {
        // The DNS has said nothing: that is neither yes nor no.
        isIncomplete = true;
      }
    }
    return { v: 1, destinations: [...found.values()], ...(isIncomplete ? { isIncomplete } : {}) };
  } finally {
    deadline.stop();
  }
}

async function organizations(
  ask: LibraryResolver,
  suffixes: PublicSuffixes | undefined,
): Promise<(name: string) => Promise<string>> {
  if (suffixes !== undefined) return async (name) => suffixes.organizationOf(name);
  const { createRecordLookup, getOrgDomain } = await mailauthDmarcRecords();
  const lookup = createRecordLookup(ask, { strict: true });
  return (name) => getOrgDomain(name, lookup);
}

async function allowedFor(
  domain: string,
  wanted: Destination,
  tag: "rua" | "ruf",
  ask: LibraryResolver,
  organizationOf: (name: string) => Promise<string>,
): Promise<Destination | undefined> {
  const host = hostOf(wanted.address);
  if (host === undefined) return undefined;
  const own = queryName(domain);
  if (own === undefined) return undefined;
  if (host === own || (await organizationOf(host)) === (await organizationOf(own))) return wanted;
  const name = queryName(`${own}._report._dmarc.${host}`);
  if (name === undefined) return undefined;
  const records = (await textsAt(name, ask)).filter((text) => VERSION.test(text));
  if (records.length === 0) return undefined;
  const others = records.map((text) => readTags(text).get(tag)).filter((list) => list !== undefined);
  const [first] = (others[0] ?? "").split(",");
  if (first === undefined || first.trim() === "") return wanted;
  // It may name another address, but of the same host; else nobody gets anything.
  const other = destinationOf(first.trim());
  return other !== undefined && hostOf(other.address) === host ? other : undefined;
}

const hostOf = (address: string): string | undefined => queryName(address.slice(address.lastIndexOf("@") + 1));

async function textsAt(name: string, ask: LibraryResolver): Promise<string[]> {
  try {
    return (await ask(name, "TXT")).map((strings) => (typeof strings === "string" ? strings : strings.join("")).trim());
  } catch (err) {
    const code = err instanceof Error && "code" in err ? err.code : undefined;
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw err;
  }
}

/** `mailto:` with an address, and perhaps a limit (`!10m`, RFC 7489 §6.4). */
function destinationOf(uri: string): Destination | undefined {
  const parts = /^mailto:([^!?]+)(?:\?[^!]*)?(?:!(\d{1,15})([kmgt]?))?$/i.exec(uri);
  if (parts === null) return undefined;
  const [, encoded = "", limit, unit = ""] = parts;
  let address: string;
  try {
    address = decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
  if (!PLAIN_ADDRESS.test(address) || address.length > MAX_ADDRESS) return undefined;
  const maxOctets = limit === undefined ? undefined : Number(limit) * (UNIT[unit.toLowerCase()] ?? 1);
  return { address, ...(maxOctets === undefined ? {} : { maxOctets }) };
}
