import { DeferError } from "@postbus/mail";
import { type DnsTexts, dnsTexts } from "../dnsdb/dns-texts.ts";
import { type DnsdbQuery, parseDnsdbQuery } from "../dnsdb/dnsdb-query.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { LookupSettings } from "../lookup-settings.ts";
import type { Finding, QueryLookupType, QueryRequest } from "../lookup-type.ts";

/** A question to the DNS: `${lookup dnsdb{>: mx=$domain}}`. */
export const dnsdb: QueryLookupType = {
  name: "dnsdb",
  style: "query",
  start: ({ resolver }) => ({ find: (query, request) => find(resolver, parseDnsdbQuery(query), request) }),
};

async function find(
  resolver: LookupSettings["resolver"],
  query: DnsdbQuery,
  { scope: { signal } }: QueryRequest,
): Promise<Finding> {
  if (resolver === undefined) throw new LookupDefer("dnsdb", "there is no resolver");
  const answers: DnsTexts[] = [];
  let deferred: LookupDefer | undefined;
  for (const name of query.names) {
    const found = await textsOrDefer(() => dnsTexts(resolver, name, query, signal), query);
    if (!(found instanceof LookupDefer)) answers.push(...found);
    else if (query.deferMode === "strict") throw found;
    else deferred ??= found;
  }
  let data = "";
  for (const text of answers.flatMap(({ texts }) => texts)) data += data === "" ? text : query.separator + text;
  if (data === "" && deferred !== undefined && query.deferMode === "lax") throw deferred;
  // Nobody could be asked: there is nothing to keep.
  const ttlSeconds = Math.min(...(answers.length === 0 ? [0] : answers.map((answer) => answer.ttlSeconds)));
  return {
    data: data === "" ? undefined : data,
    dnssec: query.dnssecMode === "never" ? "" : authenticity(answers),
    ttlSeconds,
  };
}

/** An answer that is not authenticated is none where it has to be. */
async function textsOrDefer(
  ask: () => Promise<readonly DnsTexts[]>,
  { dnssecMode }: DnsdbQuery,
): Promise<readonly DnsTexts[] | LookupDefer> {
  try {
    const answers = await ask();
    const isDoubtful =
      dnssecMode === "strict" && answers.some(({ texts, authenticated }) => texts.length > 0 && !authenticated);
    return isDoubtful ? new LookupDefer("dnsdb", "the answer is not authenticated by DNSSEC") : answers;
  } catch (err) {
    if (!(err instanceof DeferError)) throw err;
    return new LookupDefer("dnsdb", err.message, { cause: err });
  }
}

const authenticity = (answers: readonly DnsTexts[]): "yes" | "no" | "" =>
  answers.length === 0 ? "" : answers.every(({ authenticated }) => authenticated) ? "yes" : "no";
