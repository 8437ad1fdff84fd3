/** An octet that is written as `%` and two digits (RFC 2231 §4). */
const CODED = /%([0-9A-Fa-f]{2})/g;
/** What cannot stand in text that is decoded. */
const UNDECODABLE = /[\t-\r ]|=(?![0-9A-Fa-f]{2})/;

/**
 * A file name in RFC 2231's form, whole or in pieces, as Exim puts it together: in the order in which the pieces stand; what
 * is before the first apostrophe is the character set, and the language stays. It is octets in that character set.
 */
export class ExtendedName {
  #isDecodable = true;
  #charset: string | undefined;
  #text: string | undefined;
  #raw = "";

  /** @param piece Without quotes. An empty one counts for nothing. */
  add(piece: string): void {
    if (piece === "") return;
    this.#raw += piece;
    if (!this.#isDecodable) return;
    const coded = this.#charset === undefined ? this.#withoutCharset(piece) : piece;
    const text = coded.replaceAll(CODED, "=$1");
    if (UNDECODABLE.test(text)) this.#isDecodable = false;
    else this.#text = (this.#text ?? "") + decoded(text);
  }

  #withoutCharset(piece: string): string {
    const apostrophe = piece.indexOf("'");
    if (apostrophe === -1) return piece;
    if (apostrophe > 0) this.#charset = piece.slice(0, apostrophe);
    return piece.slice(apostrophe).replace(/^'+/, "");
  }

  /** What was decoded before something could not be; undefined: nothing. */
  get decoded(): string | undefined {
    return this.#text;
  }

  /** All of it as it stands there, if it cannot be decoded. */
  get undecodable(): string | undefined {
    return this.#isDecodable ? undefined : this.#raw;
  }
}

/** As in a "Q" word of RFC 2047, which is what Exim makes of it. */
const decoded = (text: string): string =>
  text
    .replaceAll("_", " ")
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replaceAll("\0", " ");
