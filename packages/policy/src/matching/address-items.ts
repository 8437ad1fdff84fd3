import { trim, trimStart } from "@postbus/mail";
import { then } from "../expansion/code.ts";
import type { Evaluation } from "../expansion/evaluation.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { derived, textOf, type Value } from "../expansion/value.ts";
import type { ItemOptions, ItemTest, Subject } from "./item.ts";
import { isLookupType, lookUp, readLookupItem } from "./lookup-item.ts";
import type { Answer, Matched } from "./matched.ts";
import { literalItem, regexItem, suffixItem } from "./pattern-items.ts";
import { splitList } from "./split-list.ts";

/** How an address list asks for the domain half. */
export type DomainItem = (item: string) => ItemTest;

/**
 * An item of an address list, without the kinds that all lists have: `user@domain`, `*@domain`, `*part@domain`, a domain
 * alone, a pattern or a lookup for the whole address, `@@lookup`, or the empty item for the null sender.
 */
export function addressItem(item: string, options: ItemOptions, domainItem: DomainItem): ItemTest {
  if (item === "") return (_evaluation, { text }) => (text === "" ? { data: undefined } : undefined);
  if (item.startsWith("^")) {
    const regex = regexItem(item, options);
    return (evaluation, subject) => then(regex(evaluation, subject), withoutData);
  }
  if (item.startsWith("@@")) return localPartsOf(item.slice(2), options);
  const semicolon = item.indexOf(";");
  if (semicolon !== -1 && isLookupType(trim(item.slice(0, semicolon)))) return whole(item, options);
  const at = separatorOf(item, semicolon);
  const [local, domain] = at === -1 ? ["", item] : [item.slice(0, at), item.slice(at + 1)];
  const testLocal = at === -1 || local.startsWith("*") ? suffixItem(local, options) : literalItem(local, options);
  return halves(local, testLocal, domainItem(domain));
}

/** The `@` between the halves: the last one, but not that of a domain `@`, `@[]` or `@mx_…`, or in the file of a lookup. */
function separatorOf(item: string, semicolon: number): number {
  const at = item.lastIndexOf("@", semicolon === -1 ? item.length : semicolon);
  return at > 0 && item.charAt(at - 1) === "@" && /^(?:$|\[\]$|mx_)/.test(item.slice(at + 1)) ? at - 1 : at;
}

const withoutData = (found: Matched | undefined): Matched | undefined => (found === undefined ? undefined : NO_DATA);
const NO_DATA: Matched = { data: undefined };

function halves(local: string, testLocal: ItemTest, testDomain: ItemTest): ItemTest {
  return (evaluation, subject) => {
    const parts = partsOf(subject);
    if (parts === undefined) return undefined;
    return then(testLocal(evaluation, parts.local), (isLocal) => {
      if (isLocal === undefined) return undefined;
      return then(testDomain(evaluation, parts.domain), (found) => withLocalPart(local, found));
    });
  };
}

function withLocalPart(local: string, found: Matched | undefined): Matched | undefined {
  if (found === undefined) return undefined;
  return { data: `${local}@${textOf(found.data ?? "")}` };
}

interface Parts {
  readonly local: Subject;
  readonly domain: Subject;
}

/** Undefined: the null sender, or no address. */
function partsOf({ value, text }: Subject): Parts | undefined {
  const at = text.lastIndexOf("@");
  if (at === -1) return undefined;
  return { local: part(value, text.slice(0, at)), domain: part(value, text.slice(at + 1)) };
}

const part = (from: Value, text: string): Subject => ({ value: derived(from, text), text, lower: lowerCase(text) });

/** The whole address as the key. */
function whole(item: string, options: ItemOptions): ItemTest {
  const read = readLookupItem(item);
  return (evaluation, subject) => {
    if (!subject.text.includes("@")) return undefined;
    const key = derived(subject.value, options.isCaseful ? subject.text : subject.lower);
    return then(lookUp(read, key, evaluation, options), (found) =>
      found === undefined ? found : { data: found.data },
    );
  };
}

/** Chains of `>key` that one subject may follow. */
const MAX_CHAIN = 50;

/** `@@lookup`: what is found for the domain is a list of local parts; a last item `>key` goes on with that key. */
function localPartsOf(item: string, options: ItemOptions): ItemTest {
  const read = readLookupItem(item);
  const search = (subject: Subject, key: string, evaluation: Evaluation, depth: number): Answer =>
    then(lookUp(read, key, evaluation, options), (found) => {
      if (found === undefined || depth > MAX_CHAIN) return undefined;
      let next: string | undefined;
      for (const listed of splitList(textOf(found.data ?? "")).items) {
        evaluation.step();
        if (listed.startsWith(">")) {
          next = trim(listed.slice(1));
          break;
        }
        const isNegated = listed.startsWith("!");
        const pattern = isNegated ? trimStart(listed.slice(1)) : listed;
        const answer = localPattern(pattern, options)(evaluation, subject);
        // Patterns of local parts never wait.
        if (answer !== undefined) return isNegated ? undefined : { data: pattern };
      }
      return next === undefined ? undefined : search(subject, next, evaluation, depth + 1);
    });
  return (evaluation, subject) => {
    const parts = partsOf(subject);
    return parts === undefined ? undefined : search(parts.local, parts.domain.lower, evaluation, 0);
  };
}

function localPattern(pattern: string, options: ItemOptions): ItemTest {
  if (pattern.startsWith("^")) return regexItem(pattern, options);
  return pattern.startsWith("*") ? suffixItem(pattern, options) : literalItem(pattern, options);
}
