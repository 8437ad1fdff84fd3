import type { DkimLimits } from "@postbus/contracts";
import type { QueueRules, ReportPolicy, RetryStep } from "@postbus/queue";
import type { AclHooks } from "./acl/hooks.ts";
import type { AclSession } from "./acl/session.ts";
import type { Offers } from "./acl/smtp/advertise-lists.ts";
import type { ClientEndpoint } from "./acl/smtp/connection.ts";
import type { SmtpAcls } from "./acl/smtp/smtp-acls.ts";
import type { DmarcPolicy } from "./compiled/dmarc-policy.ts";
import type { AppendfileTransport } from "./compiled/transports/appendfile-transport.ts";
import type { AutoreplyTransport } from "./compiled/transports/autoreply/autoreply-transport.ts";
import type { FilterOrder, FilterRequest } from "./compiled/transports/filter-order.ts";
import type { LmtpTransport } from "./compiled/transports/lmtp/lmtp-transport.ts";
import type { Refusal } from "./compiled/transports/local/refusal.ts";
import type { ShadowDelivery } from "./compiled/transports/local/shadow.ts";
import type { PipeTransport } from "./compiled/transports/pipe/pipe-transport.ts";
import type { QueuefileTransport } from "./compiled/transports/queuefile-transport.ts";
import type { SmtpTransport } from "./compiled/transports/smtp-transport.ts";
import type { WantedFacts } from "./compiled/wanted-facts.ts";
import type { EventActions } from "./events/event-actions.ts";
import type { Eventual } from "./expansion/code.ts";
import type { Variables } from "./expansion/evaluation.ts";
import type { SharedSurroundings } from "./load/policy-surroundings.ts";
import type { AclStage } from "./options/acl/stage.ts";
import type { Configuration } from "./reader/configuration.ts";
import type { RewriteRules } from "./rewriting/rewrite-rules.ts";

/**
 * What the services ask of the operator's policy. This is the seam: gateway and delivery know these questions, not the
 * language in which the answers are written; router has `packages/routing` for its part of the configuration.
 */
export interface Policy {
  /** Hash of the files and the macros given from outside; every service reports the one it runs. */
  readonly version: string;
  /** What the operator should know though it is no error; logged once at load. */
  readonly notices: readonly string[];
  readonly configuration: Configuration;
  /** `primary_hostname`: in the greeting, Received, Authentication-Results and EHLO as a client. */
  readonly primaryHostname: string;
  /** Names of ours in Authentication-Results fields, in lower case. */
  readonly authservIds: readonly string[];
  /** `qualify_domain`: of the Mailer-Daemon that writes bounces. */
  readonly qualifyDomain: string;
  /** `qualify_recipient`: of a recipient without a domain. */
  readonly qualifyRecipient: string;
  readonly smtp: SmtpPolicy;
  readonly log: LogPolicy;
  readonly dmarc: DmarcPolicy;
  /** What is taken for a DKIM signature; undefined: what RFC 8301 takes. */
  readonly dkimLimits: DkimLimits | undefined;
  /** Undefined: STARTTLS is not offered. */
  readonly tls: TlsPolicy | undefined;
  /** `event_action`, in the main section and in transports. */
  readonly events: EventActions;
  /** For expansions and lists in any context. */
  readonly surroundings: SharedSurroundings;
  /** Whether an ACL is set for a stage: without one, nobody needs to ask. */
  hasAcl(stage: AclStage): boolean;
  /** Whether a client is asked about as soon as it comes: by an ACL, or by lists that say what it may do. */
  readonly asksAtConnect: boolean;
  /** Whether a client is asked about when it says HELO or EHLO: by the ACL, or by lists that say what it is offered. */
  readonly asksAtHelo: boolean;
  /** The extensions that all clients are offered. */
  readonly offers: Offers;
  /** Whether a peer is in `hosts_proxy`: it must send a PROXY header. Absent: nobody is. */
  isProxy?(peer: ClientEndpoint): Eventual<boolean>;
  /** Whether a client is in `smtp_reserve_hosts`: it is taken where others are turned away. Absent: nobody is. */
  isReserved?(client: ClientEndpoint): Eventual<boolean>;
  /** Whether a client is in `hosts_connection_nolog`: the log does not tell when it comes and goes. Absent: nobody is. */
  isUnlogged?(client: ClientEndpoint): Eventual<boolean>;
  /** `smtp_accept_max_per_host` for a client; 0: no limit. Absent: it is the same for all. */
  acceptMaxPerHost?(client: ClientEndpoint, hooks?: Pick<AclHooks, "log">): Eventual<number>;
  /** The ACLs for one connection, with the state that they have. */
  startSession(client: ClientEndpoint, hooks: AclHooks): SmtpAcls;
  /** Whether the message that begins now is to be shown to an ACL when it is complete. */
  looksAtContent(acls: SmtpAcls): boolean;
  /** Rules for addresses of envelopes and header lines; undefined: there are none. */
  readonly rewriting: RewriteRules | undefined;
  /** What will be asked about a message, as far as that is known beforehand. */
  readonly wantedFacts: WantedFacts;
  /** @throws {ConfigError} if the policy has no such transport (an item made under another version). */
  transport(name: string): CompiledTransport;
  /** What is said in bounces, warnings and success reports. */
  readonly reports: ReportPolicy;
  /** The steps of the first retry rule that fits; without steps, the failure is final. */
  retryRule(failure: RetryFailure): readonly RetryStep[] | Promise<readonly RetryStep[]>;
  /** What main options say about mail that waits. */
  readonly queue: QueueRules;
  /**
   * Whether a message that has just come is only kept for now (`queue_only` and its relatives): why, for the log, where that is
   * worth a line. Absent: none is.
   */
  waitsAtFirst?(): Eventual<string | undefined>;
  /** Ends the connections of lookups. */
  stop(): Promise<void>;
}

/** Where SMTP listens and what it allows (names of the main options in comments). */
export interface SmtpPolicy {
  /** `local_interfaces`; port 0 takes a free one. */
  readonly interfaces: readonly string[];
  /** `daemon_smtp_ports` */
  readonly ports: readonly number[];
  /** `tls_on_connect_ports`: of them, those where TLS comes before the greeting. */
  readonly tlsPorts: ReadonlySet<number>;
  /** `message_size_limit`, octets; 0: none. */
  readonly messageSizeLimit: number;
  /** `smtp_accept_max_per_connection`, if it is set; 0: none. */
  readonly mailMax: number;
  /** `recipients_max`; 0: none. */
  readonly recipientsMax: number;
  /** `recipients_max_reject` */
  readonly refusesTooManyRecipients: boolean;
  /** `helo_allow_chars` */
  readonly heloCharacters: string;
  /** `received_headers_max` */
  readonly receivedHeadersMax: number;
  /** `header_maxsize`, octets. */
  readonly headerMaxOctets: number;
  /** `header_line_maxsize`, octets; 0: none. */
  readonly headerLineMaxOctets: number;
  /** `strip_trailing_dot` */
  readonly stripsTrailingDot: boolean;
  /** `strip_excess_angle_brackets` */
  readonly stripsExcessBrackets: boolean;
  /** `tls_remember_esmtp` */
  readonly remembersExtended: boolean;
  /** `received_header_text`, if it is set: not expanded. */
  readonly receivedHeaderText: string | undefined;
  /** Names of fields that are taken out of a message that comes: `return_path_remove` and its like. */
  readonly removedFields: ReadonlySet<string>;
  /** `prdr_enable` */
  readonly offersPrdr: boolean;
  /** `smtp_accept_max`: connections at one time; 0: none. */
  readonly acceptMax: number;
  /** `smtp_accept_reserve`: places of `smtp_accept_max` that are kept for `smtp_reserve_hosts`. */
  readonly acceptReserve: number;
  /** `smtp_load_reserve`: load average of the machine above which only `smtp_reserve_hosts` are taken. */
  readonly loadReserve: number | undefined;
  /** `smtp_accept_max_per_host`; 0: none, or `Policy.acceptMaxPerHost` says. */
  readonly acceptMaxPerHost: number;
  /** `smtp_max_synprot_errors` */
  readonly maxSyntaxErrors: number;
  /** `smtp_accept_max_nonmail` */
  readonly maxNonmail: number;
  /** `allow_domain_literals` */
  readonly acceptsLiterals: boolean;
  /** `smtp_max_unknown_commands` */
  readonly maxUnknownCommands: number;
  /** `smtp_enforce_sync` */
  readonly enforcesSync: boolean;
  /** `smtp_connect_backlog` */
  readonly backlog: number;
  /** `smtp_accept_keepalive` */
  readonly keepAlive: boolean;
  /** `accept_8bitmime` */
  readonly offersEightBitMime: boolean;
  /** `smtp_receive_timeout`: for the next command, and for the next data. */
  readonly receiveTimeoutMs: number;
  /** `proxy_protocol_timeout`: for the whole PROXY header. */
  readonly proxyTimeoutMs: number;
  /** `message_body_visible`, octets. */
  readonly bodyVisibleOctets: number;
}

/** What the log is to be like (names of the main options in comments). */
export interface LogPolicy {
  /** `log_selector`: everything that is logged. */
  readonly selectors: ReadonlySet<string>;
  /** The same, if it asks for more of deliveries than is known anyway. */
  readonly ofDeliveries: ReadonlySet<string> | undefined;
  /** `timezone`; undefined: this machine's. */
  readonly timeZone: string | undefined;
  /** `log_timezone` */
  readonly showsZone: boolean;
  /** `write_rejectlog` */
  readonly writesRejectlog: boolean;
  /** `log_file_path`, expanded: with `%s` in it, and perhaps `%D` or `%M`. Undefined, or of an empty list: the usual place. */
  readonly filePath: (() => Promise<string | undefined>) | undefined;
  /** `disable_logging` of the router, or of the transport: nothing is logged of deliveries and their errors. */
  isSilent(router: string | undefined, transport: string | undefined): boolean;
  /** `log_as_local` of the router, and the transport is a local one. */
  isAsLocal(router: string | undefined, transport: string | undefined): boolean;
}

/** TLS towards clients. */
export interface TlsPolicy {
  /** What holds for every client, if that is so: nothing is expanded, and nobody is asked for a certificate. */
  readonly usual: TlsSettings | undefined;
  /** `tls_certificate` mentions `$tls_in_sni`: the settings are wanted again when the client has named a server. */
  readonly changesWithServerName: boolean;
  /** What holds for one client. @throws {Error} it cannot be found out, and TLS is not available. */
  settings(session: AclSession): TlsSettings | Promise<TlsSettings>;
}

/** The options of TLS as they are for one client (names of the main options in comments). */
export interface TlsSettings {
  /** `tls_certificate`: PEM files, one at least. */
  readonly certificateFiles: readonly string[];
  /** `tls_privatekey`, in the same order; a missing one is in the certificate's file. */
  readonly privateKeyFiles: readonly string[];
  /** `tls_ocsp_file`, in the same order: proofs that the certificates are not revoked. */
  readonly proofFiles: readonly ({ readonly file: string; readonly format: "DER" | "PEM" } | undefined)[];
  /** `tls_ocsp_fetch`: those of the other certificates are fetched. */
  readonly fetchesProofs: boolean;
  /** `tls_require_ciphers` */
  readonly ciphers: string | undefined;
  /** `tls_eccurve` */
  readonly curves: string | undefined;
  /** The client is in `tls_resumption_hosts`, and not asked for a certificate. */
  readonly resumes: boolean;
  /** `openssl_options` */
  readonly options: string | undefined;
  /** `tls_verify_certificates`, of a client that is asked for a certificate: `system`, a file or a directory. */
  readonly authorities: string | undefined;
  /** `tls_crl` */
  readonly revocations: string | undefined;
  /** The client is in `tls_verify_hosts`, or in `tls_try_verify_hosts`. */
  readonly clientCertificate: "required" | "optional" | undefined;
  /** `tls_alpn`; none: any will do. */
  readonly protocols: readonly string[];
  /** The client is in `hosts_require_alpn`: it has to name one. */
  readonly requiresProtocol: boolean;
}

/** A recipient that has to be tried again, or given up. */
export interface RetryFailure {
  readonly address: string;
  readonly returnPath: string;
  /** Of the operating system, or one of Exim's negative ones. */
  readonly errno: number;
  /** Name of the host that is to blame; absent: it is the address. */
  readonly host?: string | undefined;
  /** It is not the address alone, but its domain: routers that look at no local part. */
  readonly isOfDomain?: boolean | undefined;
  /** Of a 4xx reply, the last two digits. */
  readonly replyDigits?: number | undefined;
  /** The host comes from an MX record. */
  readonly isMx?: boolean | undefined;
  /** No connection came about. */
  readonly isConnect?: boolean | undefined;
  /** For so long nobody has read the mailbox that is full. */
  readonly unreadForMs?: number | undefined;
}

/** A transport of the file: what is known at load, and the rest for each message. */
export interface CompiledTransport {
  readonly name: string;
  readonly driver: Transport["driver"];
  /** Recipients in one item; 0: no limit. */
  readonly maxRcpt: number;
  /** It has hosts of its own, the same for all domains; a local one: recipients of all domains can share a copy. */
  readonly hasOwnHosts: boolean;
  /** The recipients of an item are all of one domain: `multi_domain` is not true, or cannot be known beforehand. */
  readonly isForOneDomain?: boolean;
  /** The variables that its options may name; undefined: they are the same for every message. */
  readonly variables: VariableTest | undefined;
  /** `retry_use_local_part`: failures of a local one are remembered of the whole address, else of its domain. */
  readonly isRetriedByLocalPart?: boolean;
  /** `shadow_transport` */
  readonly shadow?: ShadowDelivery;
  /**
   * The options as they are for one message. A promise only where something has to be waited for.
   *
   * @param variables Of the message and of a recipient.
   * @throws {ExpansionFailure} @throws {ForcedFailure} @throws {DeferError}
   */
  at(variables: (recipient: string) => Variables, recipient: string): Transport | Promise<Transport>;
}

/** Whether a variable may be asked for. */
export type VariableTest = (name: string) => boolean;

export type Transport =
  | SmtpTransport
  | AppendfileTransport
  | PipeTransport
  | AutoreplyTransport
  | LmtpTransport
  | QueuefileTransport;

/** What a transport changes of a message, whatever way it goes (names of the generic options in comments). */
export interface MessageOptions {
  /** `headers_add`, each with its final LF. */
  readonly headersAdd: readonly string[];
  /** `headers_remove`, each a name. */
  readonly headersRemove: readonly string[];
  /** `headers_only`, `body_only` */
  readonly only: "headers" | "body" | undefined;
  /** `return_path`; undefined: as the item says. */
  readonly returnPath: string | undefined;
  /** `return_path_add`, `envelope_to_add`, `delivery_date_add` */
  readonly adds: { readonly returnPath: boolean; readonly envelopeTo: boolean; readonly deliveryDate: boolean };
  /** `headers_rewrite`: a line of the message's own, folded with LF, as its rules leave it; absent: there are none. */
  readonly rewriteHeader?: HeaderRewriting;
}

/**
 * @param log Told what a rule has made that is no address.
 * @returns undefined: it stays as it is. @throws {DeferError} by the result.
 */
export type HeaderRewriting = (line: string, log: (text: string) => void) => Promise<string | undefined>;

/** What every transport has. */
export interface AnyTransport {
  readonly name: string;
  /**
   * What is changed of the message, by the variables of a recipient; absent, or undefined: nothing.
   *
   * @throws {DeferError} an option cannot be expanded.
   */
  message?(recipient: string): MessageOptions | undefined | Promise<MessageOptions>;
  /** The program that the message goes through; absent: none. */
  filter?(request: FilterRequest): Promise<FilterOrder | Refusal>;
}
