import { type Answer, type RecordType, type Resolver, recordsOf } from "@postbus/dns";

/** Questions for one message: no honest one needs a tenth of it. */
export const MAX_QUERIES = 200;

/**
 * Octets of one TXT record. The largest key that anybody could want, RSA with 16,384 bits, takes 3 KB; RFC 7208 §3.4
 * wants SPF records below 512 octets. Longer ones are left out, as if they were not there.
 */
const MAX_TXT_OCTETS = 16 * 1024;

/** The shape of `dns.promises.resolve`, which the library calls. Its types forget that MX records are objects. */
export type LibraryResolver = (name: string, type: string) => Promise<string[] | string[][]>;

/** An error as Node's resolver would give it: the library goes by the code. */
class QueryError extends Error {
  override readonly name = "QueryError";
  readonly code: "ENOTFOUND" | "ENODATA" | "ETIMEOUT" | "EBUDGET" | "ENOTIMP";

  constructor(code: QueryError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const types: ReadonlySet<string> = new Set(["A", "AAAA", "CNAME", "MX", "PTR", "TXT"] satisfies RecordType[]);
const isAskedType = (type: string): type is "A" | "AAAA" | "CNAME" | "MX" | "PTR" | "TXT" => types.has(type);

/**
 * Our resolver for the library, with a budget: whoever wrote the message, or the records, decides what is asked.
 *
 * @param signal Ends the check: from then on every question is out of time.
 */
export function queryAdapter(resolver: Resolver, signal: AbortSignal): LibraryResolver {
  let left = MAX_QUERIES;
  return async (name, type) => {
    if (!isAskedType(type)) throw new QueryError("ENOTIMP", `no questions of type ${type}`);
    if (left-- <= 0) throw new QueryError("EBUDGET", `more than ${MAX_QUERIES} DNS queries for one message`);
    let answer: Answer;
    try {
      answer = await resolver.resolve(name, type, { signal });
    } catch (err) {
      throw new QueryError("ETIMEOUT", err instanceof Error ? err.message : String(err), { cause: err });
    }
    if (answer.state === "no such name") throw new QueryError("ENOTFOUND", `${type} ${name}: no such name`);
    if (answer.state === "no data") throw new QueryError("ENODATA", `${type} ${name}: no such record`);
    return inLibraryShape(type, answer);
  };
}

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
