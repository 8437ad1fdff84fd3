import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";
import { numbers } from "./substr.ts";

const LINE = 80;
const TOTAL = 998;

/** `${headerwrap_79_998:…}`: a header's text folded at blanks, no line longer, and cut at a total length. */
export const headerwrap: PureOperator = {
  name: "headerwrap",
  takesArgument: true,
  apply(subject, argument) {
    const [line = LINE, total = TOTAL] =
      argument === undefined ? [] : numbers("headerwrap", argument, /^(\d+)(?:_(\d+))?$/);
    if (line < 2) throw new ExpansionFailure("headerwrap: a line needs two octets");
    return wrapped(subject, line, total);
  },
};

function wrapped(subject: string, line: number, total: number): string {
  let rest = subject;
  let result = "";
  let room = line;
  while (rest.length > room) {
    const blank = rest.lastIndexOf(" ", room);
    const end = blank > 0 ? blank : room;
    result += `${rest.slice(0, end)}\n\t`;
    rest = rest.slice(blank > 0 ? end + 1 : end);
    room = line - 1;
  }
  return (result + rest).slice(0, total);
}

/** `${xtextd:a+20b}` → `a b` (RFC 3461 §4). */
export const xtextd: PureOperator = {
  name: "xtextd",
  apply(subject) {
    if (/\+(?![0-9A-Fa-f]{2})/.test(subject)) throw new ExpansionFailure(`"${subject}" is not xtext`);
    return subject.replace(/\+([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  },
};
