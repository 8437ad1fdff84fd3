import { trim } from "@postbus/mail";
import { type Run, work } from "./code.ts";
import type { Evaluation, Headers } from "./evaluation.ts";
import { decodeWords } from "./rfc2047.ts";
import type { Source } from "./source.ts";
import { Tainted, type Value } from "./value.ts";

/** What `$h_`, `$rh_`, `$bh_`, `$lh_` (or with `header_`) do with the header lines of a name. */
type Form = "" | "r" | "b" | "l";

const PREFIX = /[rbl]?h(?:eader)?_/y;
/** Header names may hold all that prints, but for the colon that ends them (RFC 5322 §2.2). */
const HEADER_NAME = /[!-9;-~]*/y;

/** Exim's `header_insert_maxlen`. */
const MAX_OCTETS = 64 * 1024;

/** Whether a name after a dollar is the beginning of a header's. */
export const isHeaderName = (name: string): boolean => /^[rbl]?h(?:eader)?_/.test(name);

/** Reads `h_Subject:`; the colon is part of it, and missing only at white space or at the end. */
export function readHeaderName(source: Source): { readonly form: Form; readonly name: string } {
  const prefix = source.match(PREFIX);
  const name = source.match(HEADER_NAME).toLowerCase();
  source.take(":");
  const [first = ""] = prefix;
  return { form: first === "r" || first === "b" || first === "l" ? first : "", name };
}

export function readHeader(source: Source): Run {
  const { form, name } = readHeaderName(source);
  return (evaluation) => header(evaluation, form, name);
}

/** Whether the message has the header, for `def:`. */
export function hasHeader(evaluation: Evaluation, name: string): boolean {
  return (headersOf(evaluation)?.occurrences(name).length ?? 0) > 0;
}

const headersOf = ({ around }: Evaluation): Headers | undefined => around.headers ?? around.variables.headers;

function header(evaluation: Evaluation, form: Form, name: string): Value {
  const lines = headersOf(evaluation)?.occurrences(name) ?? [];
  if (lines.length === 0) return "";
  const text = joined(lines, form, name).slice(0, MAX_OCTETS);
  work(evaluation, text);
  if (form === "r" || form === "l") return new Tainted(text);
  const charset = form === "b" ? undefined : evaluation.around.settings.headersCharset;
  return new Tainted(decodeWords(text, charset));
}

/** No more of them than anybody sees: a header section may have half a million lines of one name. */
function joined(lines: readonly string[], form: Form, name: string): string {
  const between = form === "r" ? "" : form === "l" ? ":" : ADDRESS_HEADERS.has(name) ? ",\n" : "\n";
  let text = "";
  for (let i = 0; i < lines.length && text.length < MAX_OCTETS; i++) {
    text += (i === 0 ? "" : between) + oneOf(lines[i] ?? "", form);
  }
  return text;
}

function oneOf(line: string, form: Form): string {
  if (form === "r") return line;
  return form === "l" ? line.replace(/\n$/, "").replaceAll(":", "::") : trim(line);
}

const ADDRESS_HEADERS = new Set(["from", "to", "cc", "bcc", "reply-to", "sender"]);
