import type { LibraryResolver } from "./query-adapter.ts";

/** The DNS as it would be if `domain` had this SPF record, and no other. */
export function withRecord(resolver: LibraryResolver, domain: string, record: string): LibraryResolver {
  return async (name, type) => (type === "TXT" && name.toLowerCase() === domain ? [[record]] : resolver(name, type));
}

/**
 * The DNS as it would be if every SPF record had a last mechanism that says no. One with `redirect=` has no end of its own
 * (RFC 7208 §6.1).
 */
export function endingInFail(resolver: LibraryResolver): LibraryResolver {
  return async (name, type) => {
    const answer = await resolver(name, type);
    if (type !== "TXT") return answer;
    return answer.map((strings) => {
      const text = [strings].flat().join("");
      return [/^v=spf1(?: |$)/i.test(text) && !/ redirect=/i.test(text) ? `${text} -all` : text];
    });
  };
}
