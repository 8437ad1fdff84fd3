import type { Regex } from "@postbus/regex";
import { lowerCase } from "../expansion/operators/case.ts";
import { capturesOf, compilePattern, firstMatch } from "../expansion/regex-use.ts";
import { derived, Tainted, type Value } from "../expansion/value.ts";
import type { ItemOptions, ItemTest, Subject } from "./item.ts";

/** Text that has to be the same. */
export function literalItem(item: string, { isCaseful }: ItemOptions): ItemTest {
  const wanted = isCaseful ? item : lowerCase(item);
  return (_evaluation, subject) => {
    const text = isCaseful ? subject.text : subject.lower;
    return text === wanted ? { data: item, captures: [capture(subject, text)] } : undefined;
  };
}

/** `*text`: the subject ends with the text; `$1` is what stands before it. */
export function suffixItem(item: string, { isCaseful }: ItemOptions): ItemTest {
  const end = isCaseful ? item.slice(1) : lowerCase(item.slice(1));
  return (_evaluation, subject) => {
    const text = isCaseful ? subject.text : subject.lower;
    if (!text.endsWith(end)) return undefined;
    return {
      data: item,
      captures: [capture(subject, text), capture(subject, text.slice(0, text.length - end.length))],
    };
  };
}

/** `^pattern`: a regular expression; compiled at its first use, since most items of a list are never reached. */
export function regexItem(item: string, { isCaseful }: ItemOptions): ItemTest {
  let regex: Regex | undefined;
  return (evaluation, subject) => {
    regex ??= compilePattern(item, { caseless: !isCaseful });
    const found = firstMatch(regex, subject.text, evaluation);
    if (found === undefined) return undefined;
    // `$0` is the whole subject, whatever part of it has matched.
    return { data: item, captures: [subject.value, ...capturesOf(found, subject.value).slice(1)] };
  };
}

const capture = (subject: Subject, text: string): Value =>
  subject.value instanceof Tainted ? derived(subject.value, text) : text;
