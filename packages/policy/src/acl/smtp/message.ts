import { tlsRequiredField } from "@postbus/mail";
import type { BmiVerdicts } from "../../carried/bmi-verdicts.ts";
import type { Headers } from "../../expansion/evaluation.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Value } from "../../expansion/value.ts";
import type { AddedHeader } from "../added-headers.ts";
import type { OverriddenSignature } from "../authentication-results/dkim-results.ts";
import type { MessageControls } from "../controls/message-controls.ts";
import type { Signature } from "../dkim/signature.ts";
import type { Fact, FactName } from "../facts.ts";
import type { CurrentPart } from "../mime/current-part.ts";
import type { ScanFindings } from "../scans/ask-scanner.ts";
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
  /** NUL octets in the body. */
  readonly bodyZeros: number;
  /** Octets of the longest line of header and body, without its end. */
  readonly longestLine: number;
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
  /** Of PRDR: recipients that were accepted and thrown away, each with how many others stood before it. */
  readonly discardedRecipients: { readonly address: string; readonly before: number }[] = [];
  rcptCount = 0;
  rcptDeferCount = 0;
  rcptFailCount = 0;
  /** MAIL asked for per-recipient answers. */
  isPrdr = false;
  isSmtpUtf8 = false;
  /** MAIL has said REQUIRETLS; that an ACL may say it as well is in `controls`. */
  isRequireTls = false;
  /** AUTH= of MAIL, if it is believed. */
  authenticatedSender: string | undefined;
  /** `discard` at MAIL: no recipient gets it. */
  isDiscarded = false;
  /** For the log. */
  whyDiscarded: string | undefined;
  messageId = "";
  receivedAtMs: number | undefined;
  content: ReceivedContent | undefined;
  /** While the MIME ACL is asked about it. */
  part: CurrentPart | undefined;
  /** `acl_m…` */
  variables = new Map<string, Value>();
  /** What conditions have found out: `domain_data`, `spf_result`, `sender_rate`. */
  found = new Map<string, Value | number | boolean>();
  controls: MessageControls = {};
  /** Once the DKIM ACL has been asked: all of the message, and of some what it has made of them. */
  signatures: readonly Signature[] | undefined;
  overriddenSignatures: Map<Signature, OverriddenSignature> | undefined;
  /** What BMI has said, if it was asked before the ACLs that want to know. */
  bmi: BmiVerdicts | undefined;
  /** Queue that `queue =` has chosen. */
  queueName = "";
  // Made when they are needed, which for most messages is never.
  #rates: Map<string, number> | undefined;
  #facts: Map<FactName, Fact> | undefined;
  #unanswered: Set<FactName> | undefined;
  #scans: Map<string, Promise<ScanFindings>> | undefined;
  #senderVerdicts: Map<string, AddressVerdict> | undefined;
  #toldSenders: Set<string> | undefined;
  #warnings: Set<string> | undefined;
  #authservIds: Set<string> | undefined;
  #addedOctets = 0;
  readonly #added: AddedHeader[] = [];
  #addedTexts: Set<string> | undefined;
  #removed: string[] = [];

  /** For a run beside others that changes nothing but what it finds out (`independence.ts`). */
  fork(): SmtpMessage {
    const forked = new SmtpMessage();
    Object.assign(forked, this);
    forked.found = new Map(this.found);
    forked.#rates = this.rates;
    forked.#facts = this.facts;
    forked.#unanswered = this.unanswered;
    forked.#scans = this.scans;
    forked.#senderVerdicts = this.senderVerdicts;
    forked.#toldSenders = this.toldSenders;
    forked.#warnings = this.warnings;
    forked.#authservIds = this.authservIds;
    return forked;
  }

  /** `TLS-Required: No` (RFC 8689 §3), where nothing wants the opposite. */
  get isTlsOptional(): boolean {
    if (this.content === undefined || this.controls.requiresTls === true) return false;
    return tlsRequiredField(this.content.headers.occurrences("tls-required")) === "no";
  }

  /** Names under which `${authresults}` has told results, in lower case. */
  get authservIds(): Set<string> {
    this.#authservIds ??= new Set();
    return this.#authservIds;
  }

  /** Whether there are such names. */
  get hasAuthservIds(): boolean {
    return this.#authservIds !== undefined && this.#authservIds.size > 0;
  }

  get rates(): Map<string, number> {
    this.#rates ??= new Map();
    return this.#rates;
  }

  get facts(): Map<FactName, Fact> {
    this.#facts ??= new Map();
    return this.#facts;
  }

  /** Facts that were asked for, and that nobody has told. */
  get unanswered(): Set<FactName> {
    this.#unanswered ??= new Set();
    return this.#unanswered;
  }

  /** What engines were asked, by the question. */
  get scans(): Map<string, Promise<ScanFindings>> {
    this.#scans ??= new Map();
    return this.#scans;
  }

  /** How senders were verified, by address and options. */
  get senderVerdicts(): Map<string, AddressVerdict> {
    this.#senderVerdicts ??= new Map();
    return this.#senderVerdicts;
  }

  /** Senders of which the client has been told why they are refused. */
  get toldSenders(): Set<string> {
    this.#toldSenders ??= new Set();
    return this.#toldSenders;
  }

  get warnings(): Set<string> {
    this.#warnings ??= new Set();
    return this.#warnings;
  }

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
    this.#addedTexts ??= new Set();
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
    if (this.#added.length > 0) this.#added.length = 0;
    this.#addedTexts?.clear();
    this.#addedOctets = 0;
    if (this.#removed.length > 0) this.#removed = [];
  }
}

/** Header lines that ACLs may add to one message, or take out of it. */
const MAX_LINES = 1_000;
