import { lowerCase, type RouterSettings, splitList } from "@postbus/policy";

/** `local_part_prefix` or `local_part_suffix`. */
export interface Affix {
  readonly patterns: readonly AffixPattern[];
  readonly isOptional: boolean;
}

interface AffixPattern {
  /** In lower case. */
  readonly literal: string;
  /** A prefix `*-`, a suffix `-*`: with it goes whatever stands before or behind. */
  readonly isWild: boolean;
}

/** What was cut off a local part. */
export interface CutAffix {
  readonly text: string;
  /** What the `*` stood for; undefined: the pattern has none. */
  readonly variable: string | undefined;
}

/** A local part without its affixes. */
export interface StrippedLocalPart {
  readonly localPart: string;
  readonly prefix: CutAffix | undefined;
  readonly suffix: CutAffix | undefined;
}

/** Reads `local_part_prefix` and `local_part_prefix_optional`, or those of the suffix. */
export function compileAffix(settings: RouterSettings, which: "prefix" | "suffix"): Affix | undefined {
  const options = settings.generic;
  const text = options.get(`local_part_${which}`);
  if (text === undefined) return undefined;
  const patterns = [...splitList(text).items].map((item): AffixPattern => {
    const isWild = which === "prefix" ? item.startsWith("*") : item.endsWith("*");
    const literal = isWild ? (which === "prefix" ? item.slice(1) : item.slice(0, -1)) : item;
    return { literal: lowerCase(literal), isWild };
  });
  return { patterns, isOptional: options.get(`local_part_${which}_optional`) };
}

/**
 * Cuts off the prefix, then the suffix; the first item of each list that fits counts.
 *
 * @returns A word: which of them is missing, so that the router is skipped.
 */
export function stripAffixes(
  localPart: string,
  prefix: Affix | undefined,
  suffix: Affix | undefined,
): StrippedLocalPart | "prefix" | "suffix" {
  const head = prefix === undefined ? undefined : cut(prefix, (pattern) => cutPrefix(localPart, pattern));
  if (head === undefined && prefix?.isOptional === false) return "prefix";
  const rest = localPart.slice(head?.text.length ?? 0);
  const tail = suffix === undefined ? undefined : cut(suffix, (pattern) => cutSuffix(rest, pattern));
  if (tail === undefined && suffix?.isOptional === false) return "suffix";
  return { localPart: rest.slice(0, rest.length - (tail?.text.length ?? 0)), prefix: head, suffix: tail };
}

function cut(affix: Affix, attempt: (pattern: AffixPattern) => CutAffix | undefined): CutAffix | undefined {
  for (const pattern of affix.patterns) {
    const found = attempt(pattern);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A wild prefix reaches to the last place where its literal stands. Nothing needs to be left. */
function cutPrefix(localPart: string, { literal, isWild }: AffixPattern): CutAffix | undefined {
  const lower = lowerCase(localPart);
  const at = isWild ? lower.lastIndexOf(literal) : lower.startsWith(literal) ? 0 : -1;
  const length = at + literal.length;
  if (at === -1 || length === 0) return undefined;
  return { text: localPart.slice(0, length), variable: isWild ? localPart.slice(0, at) : undefined };
}

/** A wild suffix begins at the first place where its literal stands; of one that is not, something has to be left. */
function cutSuffix(localPart: string, { literal, isWild }: AffixPattern): CutAffix | undefined {
  const lower = lowerCase(localPart);
  const at = isWild ? lower.indexOf(literal) : lower.endsWith(literal) ? lower.length - literal.length : -1;
  if (at === -1 || at >= lower.length || (at === 0 && !isWild)) return undefined;
  return { text: localPart.slice(at), variable: isWild ? localPart.slice(at + literal.length) : undefined };
}
