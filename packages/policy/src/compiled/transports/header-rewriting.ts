import type { Surroundings } from "../../expansion/evaluation.ts";
import type { HeaderRewriting } from "../../policy.ts";
import { parseHeadersRewrite } from "../../reader/rewrite-rule.ts";
import { rewriteHeaderLine } from "../../rewriting/rewrite-header-line.ts";
import { RewriteRules } from "../../rewriting/rewrite-rules.ts";

interface CompiledHeaderRewriting {
  /** Of the rules, for what they may name. */
  readonly sources: readonly string[];
  at(around: Surroundings, qualifyDomain: string): HeaderRewriting;
}

/**
 * The rules of a transport for the header lines that a message has come with; those that routers and the transport add are not
 * rewritten (Exim's manual, `headers_rewrite`).
 *
 * @param text As it is in the file, and has been checked. @param isLogged Each rule that rewrites is told of. @returns undefined: there are none.
 */
export function headerRewriting(text: string | undefined, isLogged: boolean): CompiledHeaderRewriting | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const parsed = parseHeadersRewrite(text, { file: "", line: 0 });
  const rules = new RewriteRules(parsed);
  return {
    sources: parsed.flatMap(({ pattern, replacement }) => [pattern, replacement]),
    at: (around, qualifyDomain) => (line, log) =>
      rewriteHeaderLine(line, rules, { around, qualifyDomain, log, ...(isLogged ? { rewritten: log } : {}) }),
  };
}
