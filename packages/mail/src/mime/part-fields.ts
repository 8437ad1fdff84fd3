import { ExtendedName } from "./extended-name.ts";
import { parameterValue } from "./parameter-value.ts";

/** What the header of a part says of it (RFC 2045, RFC 2183). Empty: nothing. */
export interface PartFields {
  /** `text/plain`; this and the next four in lower case. */
  type: string;
  disposition: string;
  transferEncoding: string;
  id: string;
  description: string;
  charset: string;
  boundary: string;
  filename: string;
}

/** Nothing is known of a part. */
export const noFields = (): PartFields => ({
  ...{ type: "", disposition: "", transferEncoding: "", id: "", description: "" },
  ...{ charset: "", boundary: "", filename: "" },
});

const HEADERS = [
  ["content-type:", "type"],
  ["content-disposition:", "disposition"],
  ["content-transfer-encoding:", "transferEncoding"],
  ["content-id:", "id"],
  ["content-description:", "description"],
] as const;

const PARAMETERS = [
  ["name=", "filename"],
  ["filename=", "filename"],
  ["charset=", "charset"],
  ["boundary=", "boundary"],
] as const;

/** A name by RFC 2231, or a piece of one. */
const EXTENDED = /(?:file)?name\*(?:[0-9]+\*?)?=/iy;

/**
 * Takes what one header says. As in Exim, the last one wins, whichever header a name or boundary is in.
 *
 * @param header As `readPartHeader` gives it.
 * @param decodeText Decodes the words of RFC 2047 that mail programs write in parameters.
 */
export function takeHeader(header: string, fields: PartFields, decodeText: (text: string) => string): void {
  const start = header.slice(0, LONGEST).toLowerCase();
  const row = HEADERS.find(([name]) => start.startsWith(name));
  if (row === undefined) return;
  const [name, field] = row;
  const end = header.indexOf(";", name.length);
  const valueEnd = end === -1 ? header.length : end;
  fields[field] = lowerCase(header.slice(name.length, valueEnd));
  const undecoded = takeParameters(header, valueEnd + 1, fields, decodeText);
  if (field === "disposition" && undecoded !== undefined) fields.filename = undecoded;
}

const LONGEST = Math.max(...HEADERS.map(([name]) => name.length));

/** @returns a name by RFC 2231 as it stands there, if it could not be decoded. */
function takeParameters(
  header: string,
  from: number,
  fields: PartFields,
  decodeText: (text: string) => string,
): string | undefined {
  const extended = new ExtendedName();
  for (let at = from; at < header.length; ) {
    EXTENDED.lastIndex = at;
    const isExtended = EXTENDED.test(header);
    const row = isExtended ? undefined : PARAMETERS.find(([name]) => startsWith(header, name, at));
    const valueAt = isExtended ? EXTENDED.lastIndex : at + (row?.[0].length ?? 0);
    const { value, end } = parameterValue(header, valueAt);
    if (isExtended) {
      const before = extended.decoded;
      extended.add(value);
      if (extended.decoded !== undefined && extended.decoded !== before) fields.filename = extended.decoded;
    } else if (row !== undefined) {
      fields[row[1]] = value === "" ? "" : decodeText(value);
    }
    at = end + 1;
  }
  return extended.undecodable;
}

const startsWith = (text: string, word: string, at: number): boolean =>
  text.slice(at, at + word.length).toLowerCase() === word;

/** Letters of ASCII only. */
const lowerCase = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
