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
  /** Commands that are let through to somebody who may answer: ETRN, VRFY, EXPN. */
  readonly commands: readonly string[];
}

/** Lines of the reply to EHLO behind the first, but for AUTH made once for each set of offers: there are few. */
export class ExtensionLines {
  readonly #facts: ExtensionFacts;
  readonly #made = new Map<string, readonly [before: string, behind: string]>();

  constructor(facts: ExtensionFacts) {
    this.#facts = facts;
  }

  /** @param mechanisms Of AUTH; empty: it is not offered. */
  for(offers: ExtensionOffers, offersTls: boolean, mechanisms: string): string {
    const { pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr } = offers;
    const key = [pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr, offersTls]
      .map(Number)
      .join("");
    const [before, behind] = this.#made.getOrInsertComputed(key, () => this.#make(offers, offersTls));
    return mechanisms === "" ? before + behind : `${before}250-AUTH ${mechanisms}\r\n${behind}`;
  }

  /** RFC 9422 §3: numbers of at most six digits. */
  get #limits(): readonly string[] {
    const { mailMax, recipientsMax } = this.#facts;
    const limit = (name: string, most: number): string => (most > 0 && most < 1_000_000 ? ` ${name}=${most}` : "");
    const all = limit("MAILMAX", mailMax) + limit("RCPTMAX", recipientsMax);
    return all === "" ? [] : [`LIMITS${all}`];
  }

  /** In Exim's order: AUTH stands between. */
  #make(offers: ExtensionOffers, offersTls: boolean): readonly [before: string, behind: string] {
    const { pipelining, pipeConnect, chunking, dsn, smtpUtf8, limits, requireTls, prdr } = offers;
    const { messageSizeLimit, offersStatus, offersEightBitMime, commands } = this.#facts;
    const before = [
      messageSizeLimit > 0 ? `SIZE ${messageSizeLimit}` : "SIZE",
      ...(limits ? this.#limits : []),
      ...(offersEightBitMime ? ["8BITMIME"] : []),
      ...(dsn ? ["DSN"] : []),
      ...commands,
      ...(pipelining ? ["PIPELINING"] : []),
      ...(pipeConnect ? ["PIPECONNECT"] : []),
    ];
    const behind = [
      ...(chunking ? ["CHUNKING"] : []),
      ...(offersStatus ? ["ENHANCEDSTATUSCODES"] : []),
      ...(offersTls ? ["STARTTLS"] : []),
      ...(requireTls ? ["REQUIRETLS"] : []),
      ...(prdr ? ["PRDR"] : []),
      ...(smtpUtf8 ? ["SMTPUTF8"] : []),
    ];
    const lines = (keywords: readonly string[]): string => keywords.map((keyword) => `250-${keyword}\r\n`).join("");
    return [lines(before), `${lines(behind)}250 HELP\r\n`];
  }
}
