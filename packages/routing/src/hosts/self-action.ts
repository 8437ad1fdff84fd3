import { trim } from "@postbus/mail";
/** What is done with an address whose first host is this one: the option `self`. */
export type SelfAction =
  | { readonly kind: "freeze" | "defer" | "pass" | "fail" | "send" }
  | { readonly kind: "reroute"; readonly domain: string };

/** Reads the option; the reader of the configuration has checked it. Header lines are never rewritten. */
export function parseSelf(text: string): SelfAction {
  if (text === "defer" || text === "pass" || text === "fail" || text === "send") return { kind: text };
  const [, domain] = /^reroute:[\t-\r ]*(?:rewrite:[\t-\r ]*)?(.*)$/.exec(text) ?? [];
  return domain === undefined ? { kind: "freeze" } : { kind: "reroute", domain: trim(domain) };
}
