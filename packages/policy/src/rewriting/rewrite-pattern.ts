import { domainOf, localPartOf } from "@postbus/mail";
import type { Evaluation } from "../expansion/evaluation.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { capturesOf, compilePattern, firstMatch } from "../expansion/regex-use.ts";
import { Tainted, type Value } from "../expansion/value.ts";
import { compileList } from "../matching/compile-list.ts";

/** Whether an address fits. @returns `$0`, `$1` …; undefined: it does not. */
export type RewritePattern = (address: string, evaluation: Evaluation) => Promise<readonly Value[] | undefined>;

/**
 * The pattern of a rewriting rule (Exim's manual, "Rewriting patterns"): a regular expression, an address with an asterisk at
 * the beginning of its local part, its domain or both, a domain, or any other item of an address list. Letters of a local part
 * count as they are.
 *
 * @throws {ExpansionFailure} it is no regular expression.
 */
export function rewritePattern(text: string): RewritePattern {
  if (text.startsWith("^")) {
    const regex = compilePattern(text);
    return async (address, evaluation) => {
      const match = firstMatch(regex, address, evaluation);
      return match && capturesOf(match, new Tainted(address));
    };
  }
  if (/[;+]|@@/.test(text.slice(0, text.lastIndexOf("@") + 1) || text)) return ofListItem(text);
  const at = text.lastIndexOf("@");
  const domain = lowerCase(text.slice(at + 1));
  if (at === -1) return async (address) => captured(address, undefined, domain);
  return async (address) => captured(address, text.slice(0, at), domain);
}

function ofListItem(text: string): RewritePattern {
  const list = compileList("address", `<\x01 ${text}`);
  return async (address, evaluation) => {
    const found = await list.match(evaluation, new Tainted(address));
    return found && [new Tainted(address)];
  };
}

/** @param localPart Of the pattern; undefined: any. */
function captured(address: string, localPart: string | undefined, domain: string): readonly Value[] | undefined {
  const captures: Value[] = [new Tainted(address)];
  const isLocal = localPart === undefined || isMatched(localPartOf(address), localPart, captures);
  return isLocal && isMatched(domainOf(address), domain, captures) ? captures : undefined;
}

function isMatched(text: string, pattern: string, captures: Value[]): boolean {
  if (!pattern.startsWith("*")) return text === pattern;
  const rest = pattern.slice(1);
  if (!text.endsWith(rest)) return false;
  captures.push(new Tainted(text.slice(0, text.length - rest.length)));
  return true;
}
