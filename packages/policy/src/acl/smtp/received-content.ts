import type { Headers } from "../../expansion/evaluation.ts";
import { headerName } from "./header-changes.ts";
import type { ReceivedContent } from "./message.ts";

/** What is known of a body without holding it. */
export interface BodyView {
  /** Octets with CRLF. */
  readonly size: number;
  readonly lines: number;
  /** First and last octets, line ends as LF. */
  readonly start: string;
  readonly end: string;
  /** Line by line, without line ends. */
  read(): Iterable<string> | AsyncIterable<string>;
}

/** A message as the ACLs see it. @param headerLines With names, folded with LF. */
export function receivedContent(headerLines: readonly string[], body: BodyView): ReceivedContent {
  const headerOctets = headerLines.reduce((sum, line) => sum + line.length + line.split("\n").length - 1, 0);
  return {
    headers: headersOf(headerLines),
    headerLines,
    size: headerOctets + 2 + body.size,
    bodyStart: body.start,
    bodyEnd: body.end,
    bodySize: body.size,
    bodyLines: body.lines,
    async *lines() {
      for (const line of headerLines) yield* line.replace(/\n$/, "").split("\n");
      yield "";
      yield* body.read();
    },
  };
}

function headersOf(lines: readonly string[]): Headers {
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const name = headerName(line);
    const value = line.slice(line.indexOf(":") + 1);
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return { occurrences: (name) => values.get(name) ?? NONE };
}

const NONE: readonly string[] = [];
