import type { Macros } from "./macros.ts";
import type { Problems } from "./problems.ts";

export interface LogicalLine {
  /** `file:line` of its first physical line. */
  readonly where: string;
  readonly text: string;
}

/** `NAME = value` or `NAME == value`. */
const DEFINITION = /^([A-Z][A-Za-z0-9_]*)\s*(==?)\s*/;

/**
 * The lines of a file with comments removed, macros replaced and continuations joined; macro definitions go into
 * `macros` (Exim specification, "Configuration file format"). The order of the steps is Exim's, and can be observed:
 * a macro may bring a comment sign, and a comment may stand between the pieces of a continued line.
 */
export function logicalLines(file: string, source: string, macros: Macros, problems: Problems): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let open: { where: string; text: string } | undefined;

  const close = (): void => {
    if (open === undefined) return;
    const { where, text } = open;
    open = undefined;
    const [head, name, sign] = DEFINITION.exec(text) ?? [];
    if (head === undefined || name === undefined) {
      if (text !== "") lines.push({ where, text });
    } else problems.try(where, () => macros.define(name, text.slice(head.length), sign === "==", where));
  };

  for (const [i, physical] of source.split("\n").entries()) {
    const where = `${file}:${i + 1}`;
    const raw = physical.replace(/\r$/, "").trimStart();
    // The name that is being defined is not replaced, what it stands for is.
    const head = open === undefined ? (DEFINITION.exec(raw)?.[0] ?? "") : "";
    const text = (head + macros.substitute(raw.slice(head.length))).trimStart();
    if (text.startsWith("#")) continue;
    if (open === undefined && /^\.[a-z]/.test(text)) {
      problems.add(where, `${text.split(/\s/, 1)[0]}: known to Exim, not supported by the built-in policy yet`);
      continue;
    }
    const trimmed = text.trimEnd();
    const goesOn = trimmed.endsWith("\\");
    open ??= { where, text: "" };
    open.text += goesOn ? trimmed.slice(0, -1) : trimmed;
    if (!goesOn) close();
  }
  close();
  return lines;
}
