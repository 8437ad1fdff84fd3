import type { VariableTest } from "../../policy.ts";

/** Words that bring strings which are known only when they are used: anything may be in those. */
const OPEN = ["expand", "acl", "lookup"];

/** To know these takes a look at the whole message: they are only named where they are written. */
const DEAR: ReadonlySet<string> = new Set([
  ...["message_body_end", "message_body_size", "body_linecount", "body_zerocount", "message_linecount"],
]);

/** `$h_subject:` and the like are taken as naming `$message_headers`, and so are these. */
const HEADER = /^(?:[rbl]?h(?:eader)?_.*|message_headers_raw|reply_address|received_count)$/;

/** Which variables texts may name. It may be more than they do; what is left out is what cannot be meant. */
export function variablesIn(texts: readonly string[]): VariableTest {
  const words = new Set(texts.flatMap((text) => text.match(/[A-Za-z0-9_]+/g) ?? []));
  const isOpen = OPEN.some((word) => words.has(word));
  if ([...words].some((word) => HEADER.test(word))) words.add("message_headers");
  return (name) => words.has(name) || (isOpen && !DEAR.has(name));
}
