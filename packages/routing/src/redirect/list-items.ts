import { trim, trimEnd } from "@postbus/mail";
/** One item of a redirect list. */
export interface ListItem {
  /** Without quotes that enclose all of it, and blanks around it. */
  readonly text: string;
  /** It was in quotes: a backslash in it stands for the character behind it. */
  readonly isQuoted: boolean;
  /** From the beginning of the item to the end of its line, for what may hold commas: `:fail: no, thanks`. */
  readonly line: string;
}

/**
 * The items of a redirect list: separated by commas or line ends that are in no quotes, comments or routes; where an item
 * may begin, a `#` begins a comment up to the end of the line (Exim's manual, "The redirect router").
 */
export function* listItems(text: string): Generator<ListItem> {
  let at = 0;
  for (;;) {
    at = itemStart(text, at);
    if (at >= text.length) return;
    const end = itemEnd(text, at);
    const item = trimEnd(text.slice(at, end));
    const isQuoted = item.length > 1 && item.startsWith('"') && item.endsWith('"');
    const lineEnd = text.indexOf("\n", at);
    yield {
      text: isQuoted ? trim(item.slice(1, -1)) : item,
      isQuoted,
      line: text.slice(at, lineEnd === -1 ? undefined : lineEnd),
    };
    at = end;
  }
}

function itemStart(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const c = text.charAt(at);
    if (c === "#") {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
    } else if (c === "," || /[\t-\r ]/.test(c)) at++;
    else return at;
  }
  return at;
}

/** What is not closed ends with its line. */
function itemEnd(text: string, start: number): number {
  let isInQuotes = false;
  let comments = 0;
  let isInRoute = false;
  for (let at = start; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === "\n") return at;
    if (c === "\\" && text.charAt(at + 1) !== "\n") at++;
    else if (isInQuotes) isInQuotes = c !== '"';
    else if (comments > 0) comments += c === "(" ? 1 : c === ")" ? -1 : 0;
    else if (c === '"') isInQuotes = true;
    else if (c === "(") comments++;
    else if (c === "<" && text.charAt(at + 1) === "@") isInRoute = true;
    else if (c === ":" || c === ">") isInRoute = false;
    else if (c === "," && !isInRoute) return at;
  }
  return text.length;
}
