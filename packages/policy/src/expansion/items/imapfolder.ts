import { withValues, work } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { derived, textOf } from "../value.ts";

/** `${imapfolder{name}{separator}{specials}}`: a mailbox name in modified UTF-7 (RFC 3501 §5.1.3), the separator as a dot. */
export const imapfolder: Item = {
  name: "imapfolder",
  compile: (parser) =>
    withValues(parser.allArguments("imapfolder", 1, 3), ([name = "", separator, specials = ""], evaluation) => {
      work(evaluation, textOf(name));
      const folder = separator === undefined ? "/" : textOf(separator);
      if (folder.length !== 1) {
        throw new ExpansionFailure(`IMAP folder separator must be one character, found "${folder}"`);
      }
      return derived(name, encoded(textOf(name), folder, textOf(specials)));
    }),
};

function encoded(octets: string, separator: string, specials: string): string {
  const text = Buffer.from(octets, "latin1").toString("utf8");
  if (text.includes("\ufffd")) throw new ExpansionFailure("imapfolder: illegal UTF-8");
  let result = "";
  let shifted = "";
  const flush = (): void => {
    if (shifted === "") return;
    const base64 = Buffer.from(shifted, "utf16le").swap16().toString("base64");
    result += `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
    shifted = "";
  };
  for (const c of text) {
    if (c !== separator && (c < " " || c > "~" || specials.includes(c))) {
      shifted += c;
      continue;
    }
    flush();
    if (c !== separator && (c === "." || c === "/")) throw new ExpansionFailure(`imapfolder: illegal character '${c}'`);
    if (c === separator) result += ".";
    else result += c === "&" ? "&-" : c;
  }
  flush();
  return result;
}
