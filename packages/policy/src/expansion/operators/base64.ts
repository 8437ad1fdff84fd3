import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";

/** `${base64:Hi}` → `SGk=`, one line however long. */
export const base64: PureOperator = {
  name: "base64",
  apply: (subject) => Buffer.from(subject, "latin1").toString("base64"),
};

/** The old name of `base64`. */
export const str2b64: PureOperator = { ...base64, name: "str2b64" };

/** `${base64d:SGk=}` → `Hi`. */
export const base64d: PureOperator = {
  name: "base64d",
  apply(subject) {
    const octets = decodeBase64(subject);
    if (octets === undefined)
      throw new ExpansionFailure(`string "${subject}" is not well-formed for "base64d" operator`);
    return octets;
  },
};

/** `${hex2b64:4869}` → `SGk=`: for the digests, which are hexadecimal. */
export const hex2b64: PureOperator = {
  name: "hex2b64",
  apply(subject) {
    if (!/^[0-9A-Fa-f]*$/.test(subject)) throw new ExpansionFailure(`"${subject}" is not a hex string`);
    if (subject.length % 2 === 1) throw new ExpansionFailure(`"${subject}" contains an odd number of characters`);
    return Buffer.from(subject, "hex").toString("base64");
  },
};

/** Undefined: it is not base64 (RFC 4648 §4, with white space). */
export function decodeBase64(text: string): string | undefined {
  const compact = text.replace(/[\t-\r ]+/g, "");
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  return Buffer.from(compact, "base64").toString("latin1");
}
