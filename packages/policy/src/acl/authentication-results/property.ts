import { resultComment, resultValue } from "@postbus/mail";
import { textOf, type Value } from "../../expansion/value.ts";

/** ` name=value`, the value in quotes where it is no plain word; nothing for no value. */
export function property(name: string, value: Value | undefined): string {
  const text = value === undefined ? "" : textOf(value);
  return text === "" ? "" : ` ${name}=${resultValue(text)}`;
}

/** Words for a comment: nothing in them ends it, or begins another result. */
export const comment = (words: Value): string => resultComment(textOf(words));
