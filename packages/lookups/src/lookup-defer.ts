import { DeferError } from "@postbus/mail";

/** The answer is not known for now: a file that cannot be opened, a server that is down, a query it does not take. */
export class LookupDefer extends DeferError {
  override readonly name = "LookupDefer";
  /** Exim's text, without the "lookup of ..." around it. */
  readonly reason: string;
  /** The file could not be opened: such a text stands for itself in the message of a failed expansion. */
  readonly isOpenFailure: boolean;

  /** @param type Name of the lookup type. */
  constructor(type: string, reason: string, options: ErrorOptions & { readonly isOpenFailure?: boolean } = {}) {
    super(type, reason, options);
    this.reason = reason;
    this.isOpenFailure = options.isOpenFailure === true;
  }

  /** The message of an expansion that fails for this. @param key As it was looked up. */
  expansionMessage(key: string): string {
    return this.isOpenFailure ? this.reason : `lookup of "${printable(key)}" gave DEFER: ${this.reason}`;
  }
}

const LETTERS: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
};

/** As Exim shows octets that are no printable ASCII: `\n`, `\377`. */
const printable = (octets: string): string =>
  octets.replace(/[^ -~]/g, (octet) => LETTERS[octet] ?? `\\${octet.charCodeAt(0).toString(8).padStart(3, "0")}`);
