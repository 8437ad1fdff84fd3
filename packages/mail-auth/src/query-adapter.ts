import { type Answer, type RecordType, type Resolver, recordsOf } from "@postbus/dns";
import { QueryBudget } from "./query-budget.ts";

/**
 * Octets of one TXT record. The largest key that anybody could want, RSA with 16,384 bits, takes 3 KB; RFC 7208 §3.4
 * wants SPF records below 512 octets. Longer ones are left out, as if they were not there.
 */
const MAX_TXT_OCTETS = 16 * 1024;

/**
 * The shape of `dns.promises.resolve`, which the library calls. Its types forget that MX records are objects.
 *
 * @param signal For a question that is given up before the check is.
 */
export type LibraryResolver = (name: string, type: string, signal?: AbortSignal) => Promise<string[] | string[][]>;

/** An error as Node's resolver would give it: the library goes by the code. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly code: "ENOTFOUND" | "ENODATA" | "ETIMEOUT" | "EBUDGET" | "ENOTIMP";
  /** There are records, of which each is too long. */
  isOverlong = false;

  constructor(code: QueryError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const types: ReadonlySet<string> = new Set(["A", "AAAA", "CNAME", "MX", "PTR", "TXT"] satisfies RecordType[]);
type AskedType = "A" | "AAAA" | "CNAME" | "MX" | "PTR" | "TXT";
const isAskedType = (type: string): type is AskedType => types.has(type);

/**
 * Our resolver for the library, with a budget: whoever wrote the message, or the records, decides what is asked. A question
 * that is asked again costs nothing.
 *
 * @param signal Ends the check: from then on every question is out of time.
 * @param budget For all questions together.
 */
export function queryAdapter(resolver: Resolver, signal: AbortSignal, budget = new QueryBudget()): LibraryResolver {
  const asked = new Map<string, ReturnType<LibraryResolver>>();
  return (name, type, own) => {
    const key = `${type} ${name}`;
    const known = asked.get(key);
    if (known !== undefined) return known;
    if (!isAskedType(type)) return refused("ENOTIMP", `no questions of type ${type}`);
    if (!budget.take()) return refused("EBUDGET", "too many DNS queries for one message");
    const answer = ask(name, type, own === undefined ? signal : AbortSignal.any([signal, own]));
    asked.set(key, answer);
    return answer;
  };

  async function ask(name: string, type: AskedType, until: AbortSignal): ReturnType<LibraryResolver> {
    let answer: Answer;
    try {
      answer = await resolver.resolve(name, type, { signal: until });
    } catch (err) {
      throw new QueryError("ETIMEOUT", err instanceof Error ? err.message : String(err), { cause: err });
    }
    if (answer.state === "no such name") throw new QueryError("ENOTFOUND", `${type} ${name}: no such name`);
    if (answer.state === "no data") throw new QueryError("ENODATA", `${type} ${name}: no such record`);
    const shaped = inLibraryShape(type, answer);
    if (shaped.length > 0 || recordsOf(answer).length === 0) return shaped;
    const overlong = new QueryError("ENODATA", `TXT ${name}: the record is too long`);
    overlong.isOverlong = true;
    throw overlong;
  }
}

const refused = (code: QueryError["code"], message: string): Promise<never> =>
  Promise.reject(new QueryError(code, message));

function inLibraryShape(type: RecordType, answer: Answer): string[] | string[][] {
  // `type` says which of the shapes the answer has.
  if (type === "MX") {
    const records = recordsOf(answer as Answer<"MX">);
    const shaped: unknown[] = records.map(({ preference, exchange }) => ({ priority: preference, exchange }));
    return shaped as string[];
  }
  if (type === "TXT") {
    const records = recordsOf(answer as Answer<"TXT">).map((strings) => [...strings]);
    return records.filter((strings) => strings.reduce((sum, { length }) => sum + length, 0) <= MAX_TXT_OCTETS);
  }
  return [...recordsOf(answer as Answer<"A" | "AAAA" | "CNAME" | "PTR">)];
}
