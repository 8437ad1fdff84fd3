import { trimEnd } from "@postbus/mail";
import type { Regex } from "@postbus/regex";
import { lowerCase } from "../../expansion/operators/case.ts";
import { compilePattern } from "../../expansion/regex-use.ts";
import type { AddedHeader } from "../added-headers.ts";

/**
 * A header section with what ACLs have changed in it: lines taken out first, then the new ones put in, one after the other
 * (Exim's manual, "Adding header lines in ACLs").
 *
 * @param lines With names, folded with LF; the first is our own Received field.
 * @param removed Names in any case; with a `^`, patterns for the whole line.
 * @throws {ExpansionFailure} a pattern is none.
 */
export function changedHeader(
  lines: readonly string[],
  added: readonly AddedHeader[],
  removed: readonly string[],
): string[] {
  const result = withoutRemoved(lines, removed);
  for (const { position, text } of added) result.splice(placeFor(position, result), 0, text);
  return result;
}

function withoutRemoved(lines: readonly string[], removed: readonly string[]): string[] {
  const names = new Set(removed.filter((name) => !name.startsWith("^")).map(lowerCase));
  const patterns: Regex[] = removed
    .filter((name) => name.startsWith("^"))
    .map((pattern) => compilePattern(pattern, { caseless: true }));
  return lines.filter(
    (line) => !names.has(headerName(line)) && !patterns.some((pattern) => pattern.exec(line) !== undefined),
  );
}

function placeFor(position: AddedHeader["position"], lines: readonly string[]): number {
  switch (position) {
    case "at_end":
      return lines.length;
    case "at_start":
      return 0;
    case "after_received": {
      const first = lines.findIndex(isReceived);
      return first === -1 ? 0 : behind(lines, first, isReceived);
    }
    case "at_start_rfc":
      // As in Exim, whatever comes first counts as part of the trace.
      return behind(lines, 0, isTrace);
    default:
      throw new Error(`unhandled position: ${JSON.stringify(position satisfies never)}`);
  }
}

/** The place behind the line at `start` and those after it that are alike. */
function behind(lines: readonly string[], start: number, isAlike: (line: string) => boolean): number {
  let at = start + 1;
  while (at < lines.length && isAlike(lines[at] ?? "")) at++;
  return Math.min(at, lines.length);
}

/** Of a line, in lower case. */
export function headerName(line: string): string {
  const colon = line.indexOf(":");
  return colon === -1 ? "" : lowerCase(trimEnd(line.slice(0, colon)));
}

const isReceived = (line: string): boolean => headerName(line) === "received";
const isTrace = (line: string): boolean => isReceived(line) || headerName(line).startsWith("resent-");
