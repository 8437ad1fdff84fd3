/** An address as it stands in a list, or why it is none, in Exim's words. */
export type Extracted =
  | { readonly kind: "address"; readonly localPart: string; readonly domain: string }
  /** Comments and nothing else. */
  | { readonly kind: "empty" }
  | { readonly kind: "wrong"; readonly reason: string };

/** Whatever is neither blank, control nor special (RFC 5322 §3.2.3), and quoted pairs; octets above 127 as well. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: leaving them out is the point
const ATOM = /(?:[^\x00-\x20\x7f()<>@,;:\\".[\]]|\\[\s\S])+/y;
/** What is in it is a router's business. */
const LITERAL = /\[[^[\]\\\t-\r ]*\]/y;
const LABEL = /[A-Za-z0-9][A-Za-z0-9-]*/y;

/**
 * Reads one mailbox: `ann`, `ann@x.example`, `Ann B <ann@x.example>`, `<@relay.example:ann@x.example>`, each with
 * comments (RFC 5322 §3.4, and dots in odd places of local parts). Takes time by the length of the text.
 */
export function extractAddress(text: string): Extracted {
  return new AddressReader(text).read();
}

class AddressReader {
  readonly #text: string;
  #at = 0;
  /** What is wrong, from then on; the rest of the text is not read. */
  #problem: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Extracted {
    const found = this.#mailbox();
    return this.#problem === undefined ? found : { kind: "wrong", reason: this.#problem };
  }

  #fail(reason: string): void {
    this.#problem ??= reason;
    this.#at = this.#text.length;
  }

  #mailbox(): Extracted {
    this.#skip();
    let localPart = this.#localPart();
    if (this.#peek() === "") return localPart === "" ? { kind: "empty" } : { kind: "address", localPart, domain: "" };
    if (this.#peek() !== "@" && this.#peek() !== "<") this.#phrase();
    let domain = "";
    if (this.#peek() === "<") {
      this.#at++;
      this.#route();
      localPart = this.#localPart();
      if (localPart === "") this.#fail(NO_LOCAL_PART);
      if (this.#peek() === "@") domain = this.#domain();
      if (this.#peek() === ">") this.#at++;
      else this.#fail("'>' missing at end of address");
      this.#skip();
    } else {
      if (localPart === "") this.#fail("no local part");
      domain = this.#domain();
    }
    if (this.#peek() !== "") this.#fail(this.#junk());
    return { kind: "address", localPart, domain };
  }

  /** A display name: words up to an angle bracket. */
  #phrase(): void {
    while (this.#peek() !== "<" && this.#problem === undefined) {
      const { length } = this.#localPart();
      if (length === 0) this.#fail(`${NO_LOCAL_PART} (expected word or "<")`);
    }
  }

  /** RFC 5321 §4.1.2 A-d-l: read, and of no consequence. */
  #route(): void {
    this.#skip();
    if (this.#peek() !== "@") return;
    while (this.#peek() === "@") {
      this.#domain();
      if (this.#peek() === ",") this.#at++;
      this.#skip();
    }
    if (this.#peek() === ":") this.#at++;
    else this.#fail("colon expected after route");
    this.#skip();
  }

  /** With its quotes; empty if there is none. Blanks and comments behind it are skipped. */
  #localPart(): string {
    let text = "";
    this.#skip();
    for (;;) {
      text += this.#peek() === '"' ? this.#quoted() : this.#match(ATOM);
      this.#skip();
      if (this.#peek() !== ".") return text;
      this.#at++;
      text += ".";
      this.#skip();
    }
  }

  #quoted(): string {
    const start = this.#at++;
    while (this.#peek() !== '"' && this.#peek() !== "") this.#at += this.#peek() === "\\" ? 2 : 1;
    if (this.#peek() === "") this.#fail("unmatched doublequote in local part");
    else this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #domain(): string {
    this.#at++;
    this.#skip();
    if (this.#peek() === "[") {
      const literal = this.#match(LITERAL);
      if (literal === "") this.#fail("malformed domain literal");
      this.#skip();
      return literal;
    }
    let domain = "";
    for (;;) {
      const label = this.#match(LABEL);
      if (label === "") this.#fail("domain missing or malformed");
      domain += label;
      this.#skip();
      if (this.#peek() !== ".") return domain;
      this.#at++;
      domain += ".";
      this.#skip();
    }
  }

  #junk(): string {
    return `malformed address: ${this.#text.slice(this.#at, this.#at + 32)} may not follow ${this.#text.slice(0, this.#at)}`;
  }

  /** Blanks and comments, which may be nested. */
  #skip(): void {
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#peek();
      if (c === "(") depth++;
      else if (c === ")" && depth > 0) depth--;
      else if (c === "\\" && depth > 0) this.#at++;
      else if (depth === 0 && !/[\t-\r ]/.test(c)) return;
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ""] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }
}

const NO_LOCAL_PART = "missing or malformed local part";
