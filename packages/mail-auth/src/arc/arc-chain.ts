import { strictTags, withoutBlanks } from "../dkim/strict-tags.ts";
import type { Field } from "../header-section.ts";

/** RFC 8617 §4.2.1: more hops than any message has. */
export const MAX_ARC_SETS = 50;

/** Octets of one field of a set; honest ones have 2 KB. */
const MAX_FIELD_OCTETS = 16 * 1024;

/** A field of a set with its tags. */
export interface ArcField {
  readonly field: Field;
  readonly tags: ReadonlyMap<string, string>;
}

/** What one hop has added (RFC 8617 §4.1). */
export interface ArcSet {
  readonly instance: number;
  readonly results?: { readonly field: Field; readonly text: string };
  readonly message?: ArcField;
  readonly seal?: ArcField;
}

export type ArcChain =
  /** In the order of their instances; empty: there is none. */
  | { readonly kind: "sets"; readonly sets: readonly ArcSet[] }
  /** Those that had been read by then. */
  | { readonly kind: "broken"; readonly reason: string; readonly sets: readonly ArcSet[] };

/** The sets of a header, which need not be a chain yet. @param textOf A field, from its name to its CRLF. */
export function readArcChain(fields: readonly Field[], textOf: (field: Field) => string): ArcChain {
  const sets = new Map<number, { -readonly [Name in keyof ArcSet]: ArcSet[Name] }>();
  const inOrder = (): readonly ArcSet[] => [...sets.values()].sort((a, b) => a.instance - b.instance);
  for (const field of fields) {
    const part = PARTS.get(field.name);
    if (part === undefined) continue;
    const broken = (reason: string): ArcChain => ({
      kind: "broken",
      reason: `collecting headers: inserting ${SHORT[part]}: ${reason}`,
      sets: inOrder(),
    });
    if (field.end - field.start > MAX_FIELD_OCTETS) return broken("overlong header");
    const whole = textOf(field);
    const text = whole.slice(whole.indexOf(":") + 1);
    const tags = part === "results" ? undefined : strictTags(text);
    const number = part === "results" ? OF_RESULTS.exec(text)?.[1] : withoutBlanks(tags?.get("i") ?? "");
    if (number === undefined || !/^[0-9]+$/.test(number) || Number(number) === 0) return broken("instance find");
    if (Number(number) > MAX_ARC_SETS) return broken("overlarge instance number");
    const instance = Number(number);
    const set = sets.get(instance) ?? { instance };
    sets.set(instance, set);
    if (set[part] !== undefined) return broken("dup hdr");
    if (part === "results") set.results = { field, text };
    else if (tags !== undefined) set[part] = { field, tags };
  }
  return { kind: "sets", sets: inOrder() };
}

/** What a hop has found before it: `cv=`. */
export const stateOf = ({ tags }: ArcField): string => tags.get("cv")?.toLowerCase() ?? "";

const PARTS: ReadonlyMap<string, "results" | "message" | "seal"> = new Map([
  ["arc-authentication-results", "results"],
  ["arc-message-signature", "message"],
  ["arc-seal", "seal"],
] as const);

/** In Exim's words. */
const SHORT = { results: "AAR", message: "AMS", seal: "AS" } as const;

/** `i=` comes first there (RFC 8617 §4.1.1). */
const OF_RESULTS = /^[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]+)[ \t\r\n]*;/;
