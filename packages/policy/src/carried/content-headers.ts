import { headerFields } from "@postbus/mail";
import type { Headers } from "../expansion/evaluation.ts";

/** The header section of a message that is on its way, for `$h_…`. @param content CRLF line ends; what stands behind the section is not looked at. */
export function contentHeaders(content: Buffer): Headers {
  let values: Map<string, string[]> | undefined;
  return {
    occurrences(name) {
      values ??= readHeaders(content);
      return values.get(name) ?? NONE;
    },
  };
}

const NONE: readonly string[] = [];

function readHeaders(content: Buffer): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, valueStart, end } of headerFields(content)) {
    const value = content.toString("latin1", valueStart, end).replaceAll("\r\n", "\n");
    values.getOrInsertComputed(name, () => []).push(value);
  }
  return values;
}
