import { isUtf8 } from "node:buffer";
import { ExpansionFailure } from "../failures.ts";
import type { PureOperator, StateOperator } from "../operator.ts";
import { decodeWords, encodeWords } from "../rfc2047.ts";
import { derived, textOf } from "../value.ts";

/** `${rfc2047:Grüße}`: encoded-words for a header, if it holds anything but ASCII. */
export const rfc2047: StateOperator = {
  name: "rfc2047",
  stepsPerOctet: 16,
  run(subject, _argument, evaluation) {
    const text = textOf(subject);
    return derived(subject, encodeWords(text, evaluation.around.settings.headersCharset));
  },
};

/** `${rfc2047d:=?utf-8?Q?Gr=C3=BC=C3=9Fe?=}`: in the character set of `headers_charset`. */
export const rfc2047d: StateOperator = {
  name: "rfc2047d",
  stepsPerOctet: 8,
  run(subject, _argument, evaluation) {
    const text = textOf(subject);
    const target = evaluation.around.settings.headersCharset;
    return derived(
      subject,
      decodeWords(text, target, (charset) => {
        throw new ExpansionFailure(
          `iconv_open("${target}", "${charset}") failed: Invalid argument (maybe unsupported conversion)`,
        );
      }),
    );
  },
};

/** `${from_utf8:…}`: in ISO-8859-1, with `_` for what that has not. Octets that begin no character stay. */
export const fromUtf8: PureOperator = {
  name: "from_utf8",
  stepsPerOctet: 8,
  apply: (subject) =>
    subject.replace(/[\xc0-\xdf].?|[\xe0-\xef].{0,2}|[\xf0-\xf7].{0,3}|[\xf8-\xfb].{0,4}|[\xfc-\xff].{0,5}/gs, latin1),
};

/** Only two octets can be a character of ISO-8859-1, and of those only the ones that begin with C2 or C3. */
function latin1(sequence: string): string {
  const [lead = 0, next] = Buffer.from(sequence, "latin1");
  if (lead >= 0xc4 || next === undefined) return "_";
  return String.fromCharCode(((lead & 0x03) << 6) | (next & 0x3f));
}

/** `${utf8clean:…}`: `?` for each sequence that is no UTF-8. */
export const utf8clean: PureOperator = {
  name: "utf8clean",
  stepsPerOctet: 8,
  apply: (subject) =>
    isUtf8(Buffer.from(subject, "latin1"))
      ? subject
      : subject.replace(WELL_FORMED_OR_NOT, (all, good?: string) => good ?? (all === "" ? "" : "?")),
};

/** Well-formed UTF-8 (RFC 3629 §4), or the beginning of it, or one octet. */
const WELL_FORMED_OR_NOT =
  /([^\x80-\xff]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})|[\xe0-\xef][\x80-\xbf]{0,2}|[\xf0-\xf7][\x80-\xbf]{0,3}|[\s\S]/g;
