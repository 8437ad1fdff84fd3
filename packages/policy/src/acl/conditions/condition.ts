import { ExpansionDefer } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import { expandedTest } from "../test.ts";

/** `condition = value`: a number, or one of four words. */
export const condition = expandedTest((value) => {
  const text = textOf(value);
  if (/^-?[0-9]*$/.test(text)) return /[1-9]/.test(text) ? "yes" : "no";
  switch (text.toLowerCase()) {
    case "yes":
    case "true":
      return "yes";
    case "no":
    case "false":
      return "no";
    default:
      throw new ExpansionDefer(`invalid "condition" value "${text}"`);
  }
});
