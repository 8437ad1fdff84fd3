import type { Headers } from "../../expansion/evaluation.ts";
import { headerName } from "./header-changes.ts";
import type { ReceivedContent } from "./message.ts";

/** What is known of a body without holding it. */
export interface BodyView {
  /** Octets with CRLF. */
  readonly size: number;
  readonly lines: number;
  /** Octets of its longest line, without CRLF. */
  readonly longestLine: number;
  /** NUL octets. */
  readonly zeros: number;
  /** First and last octets, line ends as LF. */
  readonly start: string;
  readonly end: string;
  /** Line by line, without line ends. */
  read(): Iterable<string> | AsyncIterable<string>;
}

/** A message as the ACLs see it. @param headerLines With names, folded with LF. */
export function receivedContent(headerLines: readonly string[], body: BodyView): ReceivedContent {
  // What has been received, with LF as line ends.
  const headerOctets = headerLines.reduce((sum, line) => sum + line.length, 0) - ownReceived(headerLines).length;
  const bodyOctets = body.size - body.lines;
  return {
    headers: headersOf(headerLines),
    headerLines,
    size: headerOctets + 1 + bodyOctets,
    bodyStart: body.start,
    bodyEnd: body.end,
    bodySize: bodyOctets,
    bodyLines: body.lines,
    bodyZeros: body.zeros,
    get longestLine() {
      const inHeader = headerLines.flatMap((field) => field.split("\n").map((line) => line.length));
      return inHeader.reduce((longest, length) => Math.max(longest, length), body.longestLine);
    },
    async *lines() {
      for (const line of headerLines) yield* line.replace(/\n$/, "").split("\n");
      yield "";
      yield* body.read();
    },
  };
}

/** The same with more lines at the end of its header section. @param lines With names, folded with LF. */
export function withHeaderText(content: ReceivedContent, lines: readonly string[]): ReceivedContent {
  const headerLines = [...content.headerLines, ...lines];
  const { bodyStart, bodyEnd, bodySize, bodyLines, bodyZeros } = content;
  return {
    headers: headersOf(headerLines),
    headerLines,
    size: content.size + lines.join("").length,
    bodyStart,
    bodyEnd,
    bodySize,
    bodyLines,
    bodyZeros,
    get longestLine() {
      const added = lines.flatMap((field) => field.split("\n").map((line) => line.length));
      return Math.max(content.longestLine, ...added);
    },
    async *lines() {
      let isHeader = true;
      for await (const line of content.lines()) {
        if (isHeader && line === "") {
          isHeader = false;
          for (const field of lines) yield* field.replace(/\n$/, "").split("\n");
        }
        yield line;
      }
    },
  };
}

/** The Received field that we have put before what was received; empty: there is none. */
export function ownReceived(headerLines: readonly string[]): string {
  return headerLines.find((line) => headerName(line) === "received") ?? "";
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
