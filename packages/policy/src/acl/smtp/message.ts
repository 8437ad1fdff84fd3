import type { Headers } from "../../expansion/evaluation.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Value } from "../../expansion/value.ts";
import type { AddedHeader } from "../added-headers.ts";
import type { MessageControls } from "../controls/message-controls.ts";
import type { Fact, FactName } from "../facts.ts";
import type { AddressVerdict } from "../verify-address.ts";

/** What has been received of a message's content, for conditions and variables of the DATA ACLs. */
export interface ReceivedContent {
  readonly headers: Headers;
  /** Each header line with its name, folded with LF, as it came. */
  readonly headerLines: readonly string[];
  /** Octets, header section included. */
  readonly size: number;
  /** Beginning and end of the body, line ends as LF; as much as `message_body_visible`. */
  readonly bodyStart: string;
  readonly bodyEnd: string;
  readonly bodySize: number;
  readonly bodyLines: number;
  /** The lines of header and body, without line ends. */
  lines(): Iterable<string> | AsyncIterable<string>;
}

/** A recipient while it is handled. */
export interface SmtpRecipient {
  readonly address: string;
  /** Without quotes, letters as they came. */
  readonly localPart: string;
  /** In lower case. */
  readonly domain: string;
}

/** One transaction: from MAIL, or from the end of the one before, to its end. */
export class SmtpMessage {
  /** Undefined before MAIL; empty: the null reverse-path. */
  returnPath: string | undefined;
  /** As MAIL declares it, then as it is. */
  size: number | undefined;
  readonly recipients: string[] = [];
  rcptCount = 0;
  rcptDeferCount = 0;
  rcptFailCount = 0;
  /** MAIL asked for per-recipient answers. */
  isPrdr = false;
  isSmtpUtf8 = false;
  /** `discard` at MAIL: no recipient gets it. */
  isDiscarded = false;
  messageId = "";
  receivedAtMs: number | undefined;
  content: ReceivedContent | undefined;
  /** `acl_m…` */
  readonly variables = new Map<string, Value>();
  /** What conditions have found out: `domain_data`, `spf_result`, `sender_rate`. */
  readonly found = new Map<string, Value | number | boolean>();
  readonly rates = new Map<string, number>();
  readonly facts = new Map<FactName, Fact>();
  readonly controls: MessageControls = {};
  /** Queue that `queue =` has chosen. */
  queueName = "";
  /** How senders were verified, by address and options. */
  readonly senderVerdicts = new Map<string, AddressVerdict>();
  /** Senders of which the client has been told why they are refused. */
  readonly toldSenders = new Set<string>();
  readonly warnings = new Set<string>();
  #addedOctets = 0;
  readonly #added: AddedHeader[] = [];
  readonly #addedTexts = new Set<string>();
  #removed: string[] = [];

  /** Header lines that ACLs have added and that are not part of the content yet. */
  get addedHeaders(): readonly AddedHeader[] {
    return this.#added;
  }

  /** Names, and patterns with a `^`, of lines to be taken out. */
  get removedHeaders(): readonly string[] {
    return this.#removed;
  }

  /** @throws {ExpansionFailure} it is too much. */
  addHeader(header: AddedHeader, maxOctets: number): void {
    if (this.#addedTexts.has(header.text)) return;
    this.#addedOctets += header.text.length;
    if (this.#addedOctets > maxOctets || this.#added.length >= MAX_LINES)
      throw new ExpansionFailure("header lines added by ACLs are too long");
    this.#addedTexts.add(header.text);
    this.#added.push(header);
  }

  removeHeaders(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#removed.length >= MAX_LINES) throw new ExpansionFailure("too many header lines to remove");
      this.#removed.push(name);
    }
  }

  /** The lines are part of the content now, or gone from it. */
  settleHeaders(): void {
    this.#added.length = 0;
    this.#addedTexts.clear();
    this.#addedOctets = 0;
    this.#removed = [];
  }
}

/** Header lines that ACLs may add to one message, or take out of it. */
const MAX_LINES = 1_000;
