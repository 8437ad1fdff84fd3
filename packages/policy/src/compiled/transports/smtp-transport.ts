import type { ClientAuthenticator, ConnectionView } from "../../authenticators/client/client-authenticator.ts";
import type { Eventual } from "../../expansion/code.ts";
import type { AnyTransport } from "../../policy.ts";
import type { MessageSigning } from "./signing/message-signing.ts";

/** A transport to other hosts, with its options as they are for one message (names of the options in comments). */
export interface SmtpTransport extends AnyTransport {
  readonly driver: "smtp";
  /** Equal ones make connections that are good for each other, as far as that depends on no host. */
  readonly key: string;
  /** Used when the router gave none (with `hosts_override` it gives none); `host` or `host::port`, and `+` between groups. */
  readonly hosts: readonly string[];
  /** `hosts_randomize`: its own hosts are tried in another order each time, within their groups. */
  readonly randomizesHosts: boolean;
  /** `fallback_hosts`: for when all others have deferred. */
  readonly fallbackHosts: readonly string[];
  /** Where we listen: no host that delivery has to look up may be that, without `allow_localhost`. */
  readonly own: { readonly addresses: readonly string[]; readonly ports: ReadonlySet<number> };
  readonly port: number;
  readonly isLmtp: boolean;
  /** `protocol` is `smtps` or `submissions`. */
  readonly startsWithTls: boolean;
  /** `hosts_max_try`, `hosts_max_try_hardlimit`: IP addresses, those that are skipped not counted and counted. */
  readonly maxTry: number;
  readonly maxTryHard: number;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly dataTimeoutMs: number;
  readonly finalTimeoutMs: number;
  /** Recipients in one transaction. */
  readonly maxRcpt: number;
  readonly connectionMaxMessages: number;
  /** Connections to one host at one time, from one process: `max_parallel`. */
  readonly maxConnections: number;
  /** `max_rate`, ours: messages to one host in a time, from all processes together. */
  readonly maxRate?: { readonly messages: number; readonly periodMs: number } | undefined;
  /** `max_parallel` is set, and holds for all processes together; otherwise `maxConnections` is for each. */
  readonly isLimitOfFleet: boolean;
  /** `keepalive` */
  readonly keepsAlive: boolean;
  /** `dscp`: the six bits. */
  readonly dscp: number | undefined;
  /** `utf8_downconvert`; undefined: as an ACL has said of the message. */
  readonly utf8Downconvert: -1 | 0 | 1 | undefined;
  /** `size_addition` */
  readonly sizeAddition: number;
  /** `lmtp_ignore_quota` */
  readonly ignoresQuota: boolean;
  /** `message_linelength_limit`, octets without the line's end. */
  readonly lineLengthLimit: number;
  /** `tls_tempfail_tryclear` */
  readonly triesClear: boolean;
  /** `tls_dh_min_bits` */
  readonly minDhBits: number;
  /** `retry_include_ip_address` */
  readonly retriesByAddress: boolean;
  /** `address_retry_include_sender` */
  readonly retriesBySender: boolean;
  /** `delay_after_cutoff` */
  readonly delaysAfterCutoff: boolean;
  /** `requiretls_policy = rfc8689`: who gets a message with REQUIRETLS has to show that it is the right host. */
  readonly verifiesRequireTls: boolean;
  /** `requiretls_bounce = redact`: reports about such a message go to others, too, without what they quote of it. */
  readonly redactsBounces: boolean;
  /** What holds for every host, if it is the same. */
  readonly terms: HostTerms | undefined;
  /**
   * What holds for one host.
   *
   * @param sendingAddress Where a connection to it would come from.
   * @throws {DeferError} it cannot be found out.
   */
  termsFor(host: TargetHost, sendingAddress: () => Promise<string>): Promise<HostTerms>;
  /**
   * `authenticated_sender`, `authenticated_sender_force`: who is to be named in MAIL, over this connection; undefined: nobody.
   * Absent: never anybody.
   *
   * @throws {DeferError} it cannot be found out.
   */
  authenticatedSender?(connection: ConnectionView): Eventual<string | undefined>;
  /**
   * `dkim_…`, `arc_sign`: how the message is signed, by the variables of a recipient. Absent: it is not.
   *
   * @throws {DeferError} it cannot be found out.
   */
  signing?(recipient: string): Promise<MessageSigning>;
}

/** One IP address of a host. */
export interface TargetHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** What a transport says about one host. */
export interface HostTerms {
  /** Equal ones make connections that are good for each other. */
  readonly key: string;
  /** `helo_data` */
  readonly heloName: string;
  /** `interface`: that of the host's family is where the connection comes from. */
  readonly interfaces: readonly string[];
  /** `socks_proxy`, `haproxy_egress` */
  readonly proxies: readonly OutgoingProxy[];
  readonly avoidsEsmtp: boolean;
  readonly avoidsPipelining: boolean;
  readonly triesChunking: boolean;
  readonly triesPrdr: boolean;
  /** `serialize_hosts` */
  readonly isSerialized: boolean;
  /** `hosts_avoid_tls`, `hosts_require_tls` */
  readonly tls: "never" | "offered" | "required";
  /** `hosts_verify_avoid_tls`: clear text where nothing but an address is asked about. */
  readonly avoidsTlsInCallouts: boolean;
  /** `tls_verify_hosts`, `tls_try_verify_hosts` */
  readonly verification: "none" | "optional" | "required";
  /** `tls_verify_cert_hostnames` */
  readonly verifiesName: boolean;
  /** `tls_verify_certificates`: `system`, a file or a directory; empty: no certificate is good. */
  readonly authorities: string;
  /** `tls_crl` */
  readonly revocations: string | undefined;
  /** `tls_certificate`, `tls_privatekey` */
  readonly certificate: string | undefined;
  readonly privateKey: string | undefined;
  /** `tls_require_ciphers`, `tls_eccurve` */
  readonly ciphers: string | undefined;
  readonly curves: string | undefined;
  /** `tls_sni`; undefined: the host's name. */
  readonly serverName: string | undefined;
  /** `tls_resumption_hosts` */
  readonly resumesTls: boolean;
  /** `tls_alpn`, `hosts_require_alpn` */
  readonly protocols: readonly string[];
  readonly requiresProtocol: boolean;
  /** `hosts_try_auth`, `hosts_require_auth` */
  readonly auth: "try" | "require" | undefined;
  readonly authenticators: readonly ClientAuthenticator[];
}

/** A server of `socks_proxy` or `haproxy_egress`. */
export interface OutgoingProxy {
  /** SOCKS 5; or it is told by a PROXY header, version 2, where a connection is to come from and to go. */
  readonly protocol: "socks" | "haproxy";
  readonly address: string;
  readonly port: number;
  /** RFC 1929; undefined: none is wanted. */
  readonly login: { readonly name: string; readonly password: string } | undefined;
  readonly timeoutMs: number;
  /** The highest first. */
  readonly priority: number;
  /** Among those of one priority, how often it is the first. */
  readonly weight: number;
}
