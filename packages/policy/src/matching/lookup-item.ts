import { type LookupSpec, LookupSyntaxError, parseLookupType } from "@postbus/lookups";
import { trim } from "@postbus/mail";
import { then } from "../expansion/code.ts";
import type { Evaluation } from "../expansion/evaluation.ts";
import { ExpansionDefer, ExpansionFailure } from "../expansion/failures.ts";
import { makeLookup } from "../expansion/make-lookup.ts";
import { derived, type Value } from "../expansion/value.ts";
import type { ItemOptions, ItemTest, Subject } from "./item.ts";
import type { Answer } from "./matched.ts";

/** `type;file` or `type;query`, read. */
export interface LookupItem {
  readonly spec: LookupSpec;
  readonly place: string;
}

/**
 * Reads an item with a semicolon.
 *
 * @throws {ExpansionFailure} there is no such lookup type.
 */
export function readLookupItem(item: string): LookupItem {
  const [, type = "", place = ""] = /^([^;]*);[\t-\r ]*([\s\S]*)$/.exec(item) ?? [];
  try {
    return { spec: parseLookupType(trim(type)), place };
  } catch (error) {
    if (error instanceof LookupSyntaxError) throw new ExpansionFailure(error.message, { cause: error });
    throw error;
  }
}

/** Whether what stands before a semicolon is the beginning of a lookup. */
export function isLookupType(text: string): boolean {
  try {
    parseLookupType(text);
    return true;
  } catch (error) {
    if (error instanceof LookupSyntaxError) return false;
    throw error;
  }
}

/** The subject as the key of a lookup; of a query type, the query decides alone. */
export function lookupItem(item: string, options: ItemOptions): ItemTest {
  const read = readLookupItem(item);
  return (evaluation, subject) => lookUp(read, keyOf(subject, options), evaluation, options);
}

const keyOf = (subject: Subject, { isCaseful }: ItemOptions): Value =>
  isCaseful ? subject.value : derived(subject.value, subject.lower);

/** @throws {ExpansionDefer} the lookup defers, or its file may not be chosen by whoever has chosen it. */
export function lookUp(
  { spec, place }: LookupItem,
  key: Value,
  evaluation: Evaluation,
  { isTainted }: ItemOptions,
): Answer {
  const isQuery = spec.type.style === "query";
  if (isTainted && !isQuery) throw new ExpansionDefer(`Tainted filename '${place}' in a list`);
  return then(makeLookup(spec, isQuery ? place : key, isQuery ? undefined : place, evaluation), (outcome) => {
    if (!outcome.found) return undefined;
    const captures = outcome.captures?.map((part) => derived(key, part)) ?? [];
    return { data: outcome.data, captures: [key, ...captures] };
  });
}
