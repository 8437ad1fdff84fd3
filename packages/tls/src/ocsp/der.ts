/** One element of DER (X.690): a tag, and the octets between two places of a buffer. Nothing is copied. */
export interface DerElement {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** Tags of what is read here (X.690 §8.1.2, X.680 §8.4). */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[n] EXPLICIT`, or IMPLICIT of what has parts. */
  context: (n: number): number => 0xa0 | n,
} as const;

/** The octets are not what they should be; for callers, all of these are one answer. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** Elements of one sequence: more than any response or certificate has. */
const MAX_ELEMENTS = 256;

/**
 * The element at the beginning of some octets. Definite lengths and tags of one octet only: no certificate or proof of
 * revocation has others.
 *
 * @throws {DerError}
 */
export function readDer(octets: Buffer): DerElement {
  const [tag, first] = octets;
  if (tag === undefined || first === undefined) throw new DerError("an element is cut off");
  if ((tag & 0x1f) === 0x1f) throw new DerError("a tag of several octets");
  let at = 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size === 0 || size > 3 || octets.length < 2 + size) throw new DerError("a length is not one of DER");
    length = octets.readUIntBE(2, size);
    at += size;
  }
  if (octets.length < at + length) throw new DerError("an element is cut off");
  return { tag, whole: octets.subarray(0, at + length), content: octets.subarray(at, at + length) };
}

/** The elements that some octets consist of. @throws {DerError} */
export function derElements(octets: Buffer): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let rest = octets; rest.length > 0; ) {
    const element = readDer(rest);
    if (elements.push(element) > MAX_ELEMENTS) throw new DerError("too many elements");
    rest = rest.subarray(element.whole.length);
  }
  return elements;
}

/** The content of an element that must be there and have a tag. @throws {DerError} */
export function derContent(element: DerElement | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new DerError(`tag ${tag} is missing`);
  return element.content;
}

/** The octets of a bit string that has whole ones (X.690 §8.6.2.2). @throws {DerError} */
export function derBits(element: DerElement | undefined): Buffer {
  const content = derContent(element, DER.bitString);
  if (content[0] !== 0) throw new DerError("a bit string of no whole octets");
  return content.subarray(1);
}

/** An object identifier in its usual form: `1.3.6.1.5.5.7.48.1.1`. @throws {DerError} */
export function derOid(element: DerElement | undefined): string {
  const content = derContent(element, DER.oid);
  if (content.length === 0 || content.length > 128) throw new DerError("an object identifier of no length");
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first = 0n, ...others] = arcs;
  // X.690 §8.19.4: the first two arcs are one number.
  const root = first >= 80n ? 2n : first / 40n;
  return [root, first - root * 40n, ...others].join(".");
}

/** Milliseconds since the epoch of a GeneralizedTime, in the one form of RFC 5280 §4.1.2.5.2. @throws {DerError} */
export function derTimeMs(element: DerElement | undefined): number {
  const text = derContent(element, DER.generalizedTime).toString("latin1");
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms)) throw new DerError("a time is none");
  return ms;
}
