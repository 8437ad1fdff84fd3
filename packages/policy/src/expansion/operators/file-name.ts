import { ExpansionFailure } from "../failures.ts";
import type { StateOperator } from "../operator.ts";
import { textOf } from "../value.ts";
import { lowerCase } from "./case.ts";

/** What file systems take: RFC 5321 §4.5.3.1 allows no longer domain, and no local part that is half as long. */
const MAX_OCTETS = 255;

/**
 * `${file_name:…}`: a word that a peer has chosen as the name of one file or directory, in lower case. The result may name
 * files: it has no `/` in it and is not `.` or `..`, so it cannot lead elsewhere. Not in Exim, which has no way to make a
 * file that no lookup knows.
 */
export const fileName: StateOperator = {
  name: "file_name",
  run(subject) {
    const text = textOf(subject);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
    const isName = text.length > 0 && text.length <= MAX_OCTETS && !/^\.{1,2}$|[/\\\x00-\x1f\x7f]/.test(text);
    if (!isName) throw new ExpansionFailure("no file can have this name");
    return lowerCase(text);
  },
};
