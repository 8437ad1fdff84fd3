import { textOf } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import { addHeaderText } from "../added-headers.ts";
import { expandedTest } from "../test.ts";

/** `add_header = text` */
export const addHeader = expandedTest((text, { session }) => {
  addHeaderText(session.message, textOf(text));
  return "yes";
});

/** `remove_header = names` */
export const removeHeader = expandedTest((names, { session }) => {
  session.message.removeHeaders(splitList(textOf(names), typeof names === "string").items);
  return "yes";
});
