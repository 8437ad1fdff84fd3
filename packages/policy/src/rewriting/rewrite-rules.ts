import { domainOf, localPartOf } from "@postbus/mail";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { createEvaluation } from "../expansion/create-evaluation.ts";
import type { Evaluation, Surroundings, Variables } from "../expansion/evaluation.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ExpansionFailure, ForcedFailure, failureText } from "../expansion/failures.ts";
import { parseMailbox } from "../expansion/mailbox.ts";
import { Tainted, textOf, type Value } from "../expansion/value.ts";
import type { RewritePlace, RewriteRule } from "../reader/rewrite-rule.ts";
import { type RewritePattern, rewritePattern } from "./rewrite-pattern.ts";

/** What rewriting needs of the context in which it happens. */
export interface RewriteContext {
  /** Its variables and lookups; `local_part` and `domain` are those of the address meanwhile. */
  readonly around: Surroundings;
  /** Behind local parts without a domain (`Q`). */
  readonly qualifyDomain: string;
  /** Told what a rule has made that is no address, or why it could not be expanded. */
  log(text: string): void;
  /** Told of each rule that rewrites an address (`address_rewrite`), in Exim's words; absent: nobody wants to know. */
  rewritten?: ((text: string) => void) | undefined;
}

/** What Exim calls the places. */
const WHERE: Readonly<Record<RewritePlace, string>> = {
  // Of MAIL, too.
  S: "smtp recipient",
  F: "env-from",
  T: "env-to",
  b: "bcc:",
  c: "cc:",
  f: "from:",
  r: "reply-to:",
  s: "sender:",
  t: "to:",
};

/** @property whole In a header line, what stands for the whole mailbox, phrase included (`w`). */
export interface Rewritten {
  readonly address: string;
  readonly whole?: string;
}

interface CompiledRule {
  /** From 1. */
  readonly number: number;
  readonly rule: RewriteRule;
  readonly pattern: Expansion;
  readonly replacement: Expansion;
  /** Patterns by their text; most have one. */
  last: { readonly text: string; readonly matches: RewritePattern } | undefined;
}

/** As in Exim: so often is a rule looked at again. */
const MAX_REPEATS = 10;

/** The rules of the rewrite section, or of a transport's `headers_rewrite`, in their order (Exim's manual, "Address rewriting"). */
export class RewriteRules {
  readonly #rules: readonly CompiledRule[];

  constructor(rules: readonly RewriteRule[]) {
    this.#rules = rules.map((rule, i) => ({
      number: i + 1,
      rule,
      pattern: compileExpansion(rule.pattern),
      replacement: compileExpansion(rule.replacement),
      last: undefined,
    }));
  }

  /** Whether any rule is about such a place: nobody else needs to be asked. */
  concern(places: Iterable<RewritePlace>): boolean {
    const all = [...places];
    return this.#rules.some(({ rule }) => all.some((place) => rule.where.has(place)));
  }

  /**
   * An address, as all rules together leave it. One that a rule cannot rewrite is left as it is, and the log is told.
   *
   * @param address With a domain; empty ones have no rules. For `S`, what has been said, whatever it is.
   * @returns undefined: it stays as it is.
   * @throws {DeferError} it cannot be said now.
   */
  async rewrite(address: string, place: RewritePlace, context: RewriteContext): Promise<Rewritten | undefined> {
    let current: Rewritten = { address };
    for (const compiled of this.#rules) {
      const { rule } = compiled;
      if (!rule.where.has(place)) continue;
      for (let count = 0; ; count++) {
        const step = await applied(compiled, current.address, place, context);
        if (step === "stop") return current.address === address && current.whole === undefined ? undefined : current;
        if (step === "no match" || step === undefined) break;
        current = step.whole === undefined && current.whole !== undefined ? { ...step, whole: current.whole } : step;
        if (rule.isLast) return current;
        if (!rule.isRepeated) break;
        if (count === MAX_REPEATS) {
          context.log("rewrite rule repeat ignored after 10 times");
          break;
        }
      }
    }
    return current.address === address && current.whole === undefined ? undefined : current;
  }
}

/** @returns undefined: it matches, and has made nothing of it. */
async function applied(
  compiled: CompiledRule,
  address: string,
  place: RewritePlace,
  context: RewriteContext,
): Promise<Rewritten | "no match" | "stop" | undefined> {
  const { rule, pattern, replacement } = compiled;
  const evaluation = evaluationFor(address, place, context);
  const text = await expandedText(
    pattern,
    evaluation,
    context,
    (why) =>
      `failed to expand "${rule.pattern}" while checking ${place === "S" ? "for SMTP rewriting" : "a list"}: ${why}`,
  );
  if (text === undefined) return "no match";
  if (compiled.last?.text !== text) compiled.last = { text, matches: patternOf(text) };
  const captures = await compiled.last.matches(address, evaluation);
  if (captures === undefined) return "no match";
  // As in Exim, an address that is to stay is not looked at any further.
  if (rule.replacement === "*") return "stop";
  evaluation.captures = captures;
  const made = await expandedText(
    replacement,
    evaluation,
    context,
    (why) => `Expansion of "${rule.replacement}" failed while rewriting: ${why}`,
  );
  const result = made === undefined ? undefined : read(made, address, compiled, place, context);
  return result ?? (rule.isLast ? "stop" : undefined);
}

/** One that is no regular expression matches nothing. */
function patternOf(text: string): RewritePattern {
  try {
    return rewritePattern(text);
  } catch (error) {
    if (!(error instanceof ExpansionFailure)) throw error;
    return async () => undefined;
  }
}

function read(
  made: string,
  address: string,
  { rule: { isQualified, isWhole }, number }: CompiledRule,
  place: RewritePlace,
  { qualifyDomain, log, rewritten }: RewriteContext,
): Rewritten | undefined {
  const mailbox = parseMailbox(made);
  if (mailbox === undefined || mailbox.address === "") {
    log(`Rewrite of ${address} yielded unparseable address: ${made}`);
    return undefined;
  }
  if (mailbox.domain === "" && !isQualified) {
    log(`Rewrite of ${address} yielded unqualified address "${mailbox.address}"`);
    return undefined;
  }
  const full = mailbox.domain === "" ? `${mailbox.address}@${qualifyDomain}` : mailbox.address;
  const whole = !isWhole ? full : mailbox.domain === "" ? replacedMailbox(made, mailbox.address, full) : made;
  rewritten?.(`"${address}" from ${WHERE[place]} rewritten as "${place === "S" ? made : whole}" by rule ${number}`);
  const isOfHeader = place !== "F" && place !== "T" && place !== "S";
  return isWhole && isOfHeader ? { address: full, whole } : { address: full };
}

/** A mailbox with another address in it: it stands in angles at the end, if there is a phrase. */
export function replacedMailbox(text: string, old: string, address: string): string {
  const angle = text.lastIndexOf("<");
  const at = text.indexOf(old, Math.max(angle, 0));
  // Written with comments or blanks in it: they go.
  if (at === -1) return angle === -1 ? address : `${text.slice(0, angle)}<${address}>`;
  return text.slice(0, at) + address + text.slice(at + old.length);
}

async function expandedText(
  expansion: Expansion,
  evaluation: Evaluation,
  { log }: RewriteContext,
  problem: (why: string) => string,
): Promise<string | undefined> {
  if (expansion.constant !== undefined) return expansion.constant;
  try {
    return textOf(await expansion.run(evaluation));
  } catch (error) {
    if (error instanceof ForcedFailure) return undefined;
    if (!(error instanceof ExpansionFailure)) throw error;
    log(problem(failureText(error) ?? ""));
    return undefined;
  }
}

const withoutAddress = (variables: Variables): Variables => ({
  get: (name) => (name === "local_part" || name === "domain" ? undefined : variables.get(name)),
  headers: variables.headers,
});

/** `$local_part` and `$domain` are those of the address. */
function evaluationFor(address: string, place: RewritePlace, { around }: RewriteContext): Evaluation {
  // What a client has said need not be an address.
  if (place === "S") return createEvaluation({ ...around, variables: withoutAddress(around.variables) });
  const own: Readonly<Record<string, Value>> = {
    local_part: new Tainted(localPartOf(address)),
    domain: new Tainted(domainOf(address)),
  };
  const variables = {
    get: (name: string) => (Object.hasOwn(own, name) ? own[name] : around.variables.get(name)),
    headers: around.variables.headers,
  };
  return createEvaluation({ ...around, variables });
}
