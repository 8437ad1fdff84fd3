import type { ExtensionOffers } from "./extension-offers.ts";

/** What all clients are told in the reply to EHLO. */
export interface ExtensionFacts {
  /** Octets; 0: none. RFC 1870. */
  readonly messageSizeLimit: number;
  /** MAIL commands in a session, RCPT commands in a transaction; 0: not limited. RFC 9422. */
  readonly mailMax: number;
  readonly recipientsMax: number;
  /** RFC 2034 */
  readonly offersStatus: boolean;
  /** RFC 6152 */
  readonly offersEightBitMime: boolean;
}

/** Lines of the reply to EHLO behind the first, made once for each set of offers: there are few. */
export class ExtensionLines {
  readonly #facts: ExtensionFacts;
  readonly #made = new Map<string, string>();

  constructor(facts: ExtensionFacts) {
    this.#facts = facts;
  }

  for(offers: ExtensionOffers, offersTls: boolean): string {
    const { pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr } = offers;
    const key = [pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr, offersTls]
      .map(Number)
      .join("");
    return this.#made.getOrInsertComputed(key, () => this.#make(offers, offersTls));
  }

  /** RFC 9422 §3: numbers of at most six digits. */
  get #limits(): readonly string[] {
    const { mailMax, recipientsMax } = this.#facts;
    const limit = (name: string, most: number): string => (most > 0 && most < 1_000_000 ? ` ${name}=${most}` : "");
    const all = limit("MAILMAX", mailMax) + limit("RCPTMAX", recipientsMax);
    return all === "" ? [] : [`LIMITS${all}`];
  }

  /** In Exim's order. */
  #make(offers: ExtensionOffers, offersTls: boolean): string {
    const { pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr } = offers;
    const { messageSizeLimit, offersStatus, offersEightBitMime } = this.#facts;
    const keywords = [
      messageSizeLimit > 0 ? `SIZE ${messageSizeLimit}` : "SIZE",
      ...(limits ? this.#limits : []),
      ...(offersEightBitMime ? ["8BITMIME"] : []),
      ...(dsn ? ["DSN"] : []),
      ...(pipelining ? ["PIPELINING"] : []),
      ...(pipeConnect ? ["PIPECONNECT"] : []),
      ...(chunking ? ["CHUNKING"] : []),
      ...(offersStatus ? ["ENHANCEDSTATUSCODES"] : []),
      ...(offersTls ? ["STARTTLS"] : []),
      ...(requireTls ? ["REQUIRETLS"] : []),
      ...(prdr ? ["PRDR"] : []),
      ...(smtpUtf8 ? ["SMTPUTF8"] : []),
    ];
    return `${keywords.map((keyword) => `250-${keyword}\r\n`).join("")}250 HELP\r\n`;
  }
}
