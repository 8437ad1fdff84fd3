import { isIP } from "node:net";
import { SPF_QUERIES, type SpfAnswer, type SpfFact } from "@postbus/contracts";
import type { Resolver } from "@postbus/dns";
import { asciiDomain } from "./ascii-domain.ts";
import { cleanText } from "./clean-text.ts";
import { startDeadline } from "./deadline.ts";
import { mailauthSpf } from "./mailauth-library.ts";
import { type LibraryResolver, queryAdapter } from "./query-adapter.ts";
import { QueryBudget } from "./query-budget.ts";
import { asResult } from "./result.ts";
import { endingInFail, withRecord } from "./spf-records.ts";
import { withoutBallast } from "./spf-terms.ts";

export interface SpfQuestion {
  /** IP address of the client. */
  readonly clientAddress: string;
  readonly helo: string;
  /** MAIL FROM, latin1; UTF-8 octets if the message is SMTPUTF8. Empty for the null reverse-path. */
  readonly returnPath: string;
  /** Instead of the one that the domain has, or has not. */
  readonly record?: string;
}

export interface CheckOptions {
  /** The asker's: when it is aborted, the answer is temperror. */
  readonly signal?: AbortSignal;
  /** For the whole check. */
  readonly timeoutMs?: number;
  /** DNS queries that other checks of this message have made: there is one budget for all. */
  readonly spentQueries?: number;
}

/** A fact, and what has decided. */
export interface SpfFindings extends SpfFact {
  /** DNS queries that were made. */
  readonly queries: number;
  readonly reason?: Exclude<SpfAnswer["reason"], undefined>;
}

/** RFC 7208 §4.6.4: at least 20 seconds; that is what it gets. */
const SPF_TIMEOUT_MS = 20_000;
/**
 * Lookups without a result that a record from outside may lead to: RFC 7208 §4.6.4 protects from strangers' records, and
 * `a mx ptr` of a domain that has none of them are three.
 */
const MAX_VOID_OF_OUR_OWN = 10;
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
): Promise<SpfFindings> {
  const { returnPath, helo } = question;
  // RFC 7208 §2.4: without a MAIL FROM, the HELO name is what is checked.
  const at = returnPath.lastIndexOf("@");
  const named = returnPath === "" ? helo : at < 0 ? "" : returnPath.slice(at + 1);
  const domain = asciiDomain(named);
  // RFC 7208 §4.3: malformed, not fully qualified, or an address literal.
  if (domain === undefined || !domain.includes(".") || domain.startsWith("[")) {
    return { result: "none", domain: cleanText(named, 255).toLowerCase(), comment: "no domain to check", queries: 0 };
  }
  const budget = new QueryBudget(options.spentQueries, SPF_QUERIES);
  const found = await withinTime({ ...question, domain }, resolver, budget, options);
  return { ...found, queries: budget.spent };
}

/** @param budget For this check. */
async function withinTime(
  question: SpfQuestion & { readonly domain: string },
  resolver: Resolver,
  budget: QueryBudget,
  options: CheckOptions,
): Promise<Omit<SpfFindings, "queries">> {
  const { domain, record, returnPath } = question;
  const deadline = startDeadline(options.timeoutMs ?? SPF_TIMEOUT_MS, options.signal);
  try {
    const asked = queryAdapter(resolver, deadline.signal, budget);
    const query = record === undefined ? asked : withRecord(asked, domain, record);
    const sender = returnPath === "" ? "" : `${returnPath.slice(0, returnPath.lastIndexOf("@"))}@${domain}`;
    return await Promise.race([evaluate({ ...question, sender }, query), deadline.timeUp]);
  } catch (err) {
    return { result: "temperror", domain, comment: cleanText(err instanceof Error ? err.message : String(err)) };
  } finally {
    deadline.stop();
  }
}

interface Evaluated extends Pick<SpfQuestion, "clientAddress" | "helo" | "record"> {
  readonly sender: string;
  readonly domain: string;
}

async function evaluate(question: Evaluated, query: LibraryResolver): Promise<Omit<SpfFindings, "queries">> {
  const { domain } = question;
  // RFC 7208 §4.1: without it there is nothing to check, and our own mistake.
  if (isIP(question.clientAddress) === 0) return { result: "temperror", domain, comment: "no client address" };
  const { result, problem } = await askLibrary(question, query);
  switch (result) {
    case "temperror":
    case "permerror":
      return { result, domain, ...(problem === "" ? {} : { comment: problem }) };
    case "pass":
    case "fail":
    case "softfail":
      return { result, domain, reason: "mechanism" };
    case "neutral": {
      // The library does not tell `?all` from a record that comes to its end. If it fails with `-all` there, it was the end.
      const isDefault = (await askLibrary(question, endingInFail(query))).result === "fail";
      return { result, domain, reason: isDefault ? "default" : "mechanism" };
    }
    default:
      return { result, domain };
  }
}

async function askLibrary(
  { clientAddress, helo, sender, record }: Evaluated,
  query: LibraryResolver,
): Promise<{ readonly result: SpfFact["result"]; readonly problem: string }> {
  const { spf } = await mailauthSpf();
  const name = asciiDomain(helo) ?? "";
  const resolver = withoutBallast(query, clientAddress);
  const limits = record === undefined ? {} : { maxVoidCount: MAX_VOID_OF_OUR_OWN };
  const { status } = await spf({ sender, ip: clientAddress, helo: name, mta: MTA, resolver, strict: true, ...limits });
  // `mta: permanent error in processing during lookup of SENDER: PROBLEM`
  const about = `lookup of ${sender === "" ? `postmaster@${name}` : sender}: `;
  const comment = status.comment ?? "";
  const at = comment.indexOf(about);
  return { result: asResult(status.result), problem: at < 0 ? "" : cleanText(comment.slice(at + about.length)) };
}
