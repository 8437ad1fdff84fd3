import type { Reply } from "@postbus/mail";
import type { RetryStep } from "@postbus/queue";

/**
 * What the services ask of the operator's policy. This is the seam: gateway, router and delivery know these questions,
 * not the language in which the answers are written.
 */
export interface Policy {
  /** Hash of the file and the macros given from outside; every service reports the one it runs. */
  readonly version: string;
  /** What the operator should know though it is no error; logged once at load. */
  readonly notices: readonly string[];
  /** `primary_hostname`: in the greeting, Received, Authentication-Results and EHLO as a client. */
  readonly primaryHostname: string;
  /** `qualify_domain`: of the Mailer-Daemon that writes bounces; absent: `primaryHostname`. */
  readonly qualifyDomain?: string;
  readonly smtp: SmtpPolicy;
  readonly acl: AclPolicy;
  /** Which facts the policy wants to know about this message; asked again after every accepted recipient. */
  facts(client: ClientView, envelope: EnvelopeView): readonly FactName[];
  /** Where one recipient goes. */
  route(address: string): Route | Promise<Route>;
  /** @throws {ConfigError} if the policy has no such transport (an item made under another version). */
  transport(name: string): Transport;
  /** The retry rule for an address; without steps, the first failure is final. */
  retryRule(address: string): readonly RetryStep[];
}

/** `spf` is asked as soon as it is wanted; `message` (DKIM, DMARC) and `scan` at the final dot. */
export type FactName = "spf" | "message" | "scan";

/** Where SMTP listens and what it allows (names of the main options in comments). */
export interface SmtpPolicy {
  /** `local_interfaces`; port 0 takes a free one. */
  readonly interfaces: readonly string[];
  /** `daemon_smtp_ports` */
  readonly ports: readonly number[];
  /** `message_size_limit`, octets; 0: none. */
  readonly messageSizeLimit: number;
  /** `recipients_max`; 0: none. */
  readonly recipientsMax: number;
  /** `received_headers_max` */
  readonly receivedHeadersMax: number;
  /** `header_maxsize`, octets. */
  readonly headerMaxOctets: number;
  /** `smtp_accept_max`: connections at one time; 0: none. */
  readonly acceptMax: number;
  /** `smtp_accept_max_per_host` */
  readonly acceptMaxPerHost: number;
  /** `smtp_max_synprot_errors` */
  readonly maxSyntaxErrors: number;
  /** `smtp_max_unknown_commands` */
  readonly maxUnknownCommands: number;
  /** `smtp_receive_timeout`: for the next command, and for the next data. */
  readonly receiveTimeoutMs: number;
  /** `tls_certificate`, `tls_privatekey` (files, PEM); absent: STARTTLS is not offered. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string };
}

export interface ClientView {
  readonly address: string;
  readonly port: number;
  /** Empty before HELO or EHLO. */
  readonly helo: string;
  readonly isTls: boolean;
}

export interface EnvelopeView {
  readonly returnPath: string;
  readonly recipients: readonly string[];
}

/** Runs at stages of the SMTP session. */
export interface AclPolicy {
  connect(client: ClientView): Verdict | Promise<Verdict>;
  mail(client: ClientView, returnPath: string): Verdict | Promise<Verdict>;
  recipient(client: ClientView, envelope: EnvelopeView, address: string): Verdict | Promise<Verdict>;
}

export type Verdict =
  | { readonly verdict: "accept" }
  /** @property log Words behind `rejected RCPT <…>: `. */
  | { readonly verdict: "refuse"; readonly reply: Reply; readonly log: string };

export type Route =
  | {
      readonly kind: "deliver";
      readonly router: string;
      readonly transport: string;
      readonly hosts?: readonly string[];
    }
  | { readonly kind: "fail"; readonly router?: string; readonly text: string }
  | { readonly kind: "defer"; readonly router?: string; readonly text: string };

export type Transport = SmtpTransport | AppendfileTransport;

export interface SmtpTransport {
  readonly driver: "smtp";
  readonly name: string;
  /** Used when the router gave none; `host` or `host::port`. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly dataTimeoutMs: number;
  readonly finalTimeoutMs: number;
  /** Recipients in one transaction. */
  readonly maxRcpt: number;
  readonly connectionMaxMessages: number;
  /** Connections to one host at one time, from one process. */
  readonly maxConnections: number;
  /** `hosts_require_tls` holds for every host: no clear text. */
  readonly requireTls: boolean;
}

export interface AppendfileTransport {
  readonly driver: "appendfile";
  readonly name: string;
  /**
   * The Maildir of an address. Its local part is a peer's word: it has become one safe path component.
   *
   * @throws {DeferError} if no safe component can be made of it.
   */
  directory(address: string): string;
}
