import type { ServerAuthenticator } from "../../authenticators/server-authenticators.ts";
import { Tainted, type Value } from "../../expansion/value.ts";
import type { HostNames } from "../../matching/host-names.ts";
import type { ConnectionControls } from "../controls/connection-controls.ts";
import type { Offers } from "./advertise-lists.ts";
import type { ClientTerms } from "./expanded-options.ts";
import type { ProxyView } from "./proxy-view.ts";

/** TLS of a client's connection. */
export interface TlsView {
  /** `TLS1.3:TLS_AES_256_GCM_SHA384:256`. */
  readonly cipher: string;
  /** The name of the suite in the standards. */
  readonly cipherStandard: string;
  /** `TLS1.3` */
  readonly version: string;
  readonly bits: number;
  /** Empty: none was sent. */
  readonly sni: string;
  /** Distinguished name of the client's certificate; empty: there is none. */
  readonly peerName: string;
  /** DER octets. */
  readonly peerCertificate: string | undefined;
  readonly ownCertificate: string | undefined;
  readonly isVerified: boolean;
  /** Whether the client wanted a proof that our certificate is not revoked, and was given one (`$tls_in_ocsp`). */
  readonly ocsp: "not requested" | "no response" | "stapled";
  /** Whether its session is one that was resumed, or one that may be (`$tls_in_resumption`). */
  readonly resumption: "off" | "offered" | "resumed";
}

/** Whom the client has shown itself to be. */
export interface Authentication {
  /** Name of the authenticator. */
  readonly by: string;
  /** Its `public_name`, as written. */
  readonly method: string;
  readonly isByCertificate: boolean;
  /** `$authenticated_id` */
  readonly id: Value;
}

/** Who is connected, as the socket says. */
export interface ClientEndpoint {
  /** Empty: the session is on standard input. */
  readonly address: string;
  readonly port: number;
  /** Our side of it. */
  readonly interfaceAddress?: string;
  readonly interfacePort?: number;
  /** The peer is in `hosts_proxy`: address and port are then those that its header has named, if it has named any. */
  readonly proxy?: ProxyView;
  /** By the reverse DNS, as a proxy has said (XCLIENT); empty: it has none; absent: nobody has asked. */
  readonly name?: string;
  /** Whom it has shown itself to be, as a proxy has said (XCLIENT). */
  readonly login?: string;
}

/** What is known of a connection, from the first octet to the last. Its owner writes it, conditions and variables read it. */
export class SmtpConnection {
  readonly client: ClientEndpoint;
  /** `$connection_id`, made when it is asked for. */
  id: string | undefined;
  /** Empty before HELO or EHLO. */
  helo = "";
  isExtended = false;
  /** Of the client by the reverse DNS; undefined: nobody has asked; empty: it has none. */
  hostName: string | undefined;
  /** Its further names, that lead back to its address as well. */
  otherHostNames: readonly string[] = NONE;
  /** What the reverse DNS calls it, whether that leads back or not. */
  claimedName: string | undefined;
  /** The reverse DNS could not be asked. */
  isHostLookupDeferred = false;
  /** `sender_unqualified_hosts`, `recipient_unqualified_hosts`: MAIL, RCPT may come without a domain. */
  mayOmitSenderDomain = false;
  mayOmitRecipientDomain = false;
  /** `smtp_accept_max_nonmail_hosts` */
  isNonmailLimited = true;
  /** `hosts_xclient` */
  mayXclient = false;
  /** `pipelining_connect_advertise_hosts` */
  maySpeakFirst = false;
  /** `helo_accept_junk_hosts` */
  mayGreetWithJunk = false;
  /** Not in `hosts_require_helo`: MAIL may come without HELO or EHLO before it. */
  mayOmitHello = false;
  /** `host_reject_connection` */
  isRefused = false;
  /** What options that are expanded say of this client. */
  terms: ClientTerms = {};
  /** `…_advertise_hosts`, where they are not the same for all. */
  offers: Readonly<Partial<Offers>> = {};
  /** `tls_advertise_hosts` */
  isTlsOffered = true;
  tls: TlsView | undefined;
  /** Of a handshake that runs: the name that the client asks for (SNI). */
  serverName: string | undefined;
  authentication: Authentication | undefined;
  /** Those that the last reply to EHLO has offered. */
  authenticators: readonly ServerAuthenticator[] = NONE;
  /** `$auth1`, `$auth2`, `$auth3` */
  authValues: readonly Value[] = NONE;
  /** `$authenticated_fail_id` */
  failedId: Value | undefined;
  /** `$authentication_failed`: the last AUTH has let nobody in. */
  hasFailedToAuthenticate = false;
  /** `$smtp_notquit_reason` */
  notQuitReason = "";
  /** `acl_c…` */
  readonly variables = new Map<string, Value>();
  /** Of conditions whose results outlive a message: `dnslist_domain`. */
  readonly found = new Map<string, Value | number>();
  /** Rates that count once for the connection. */
  readonly rates = new Map<string, number>();
  readonly controls: ConnectionControls = {};
  /** `verify = helo`: what was found out about the present name. */
  heloIsVerified: boolean | undefined;

  constructor(client: ClientEndpoint) {
    this.client = client;
    this.hostName = client.name;
    if (client.login !== undefined)
      this.authentication = { by: "xclient", method: "xclient", isByCertificate: false, id: new Tainted(client.login) };
  }

  /** The reverse DNS has been asked. */
  rememberNames({ names, claimed }: HostNames): void {
    [this.hostName = "", ...this.otherHostNames] = names;
    this.claimedName = claimed;
    this.isHostLookupDeferred = false;
  }

  get proxy(): ProxyView | undefined {
    return this.client.proxy;
  }

  /** What the protocol has to know of the client. */
  get standing() {
    const {
      hostName: name = "",
      mayOmitSenderDomain,
      mayOmitRecipientDomain,
      isNonmailLimited,
      maySpeakFirst,
      mayXclient,
      mayGreetWithJunk,
      mayOmitHello,
      isTlsOffered,
      controls,
      offers,
    } = this;
    return {
      name,
      mechanisms: this.authenticators.map(({ publicName }) => publicName).join(" "),
      mayAuthenticateUnasked: controls.allowsUnadvertisedAuth === true,
      mayOmitSenderDomain,
      mayOmitRecipientDomain,
      isNonmailLimited,
      maySpeakFirst,
      mayXclient,
      mayGreetWithJunk,
      mayOmitHello,
      isTlsOffered,
      wantsSingleLines: controls.isMultilineOff === true,
      offers,
      isPipeliningOff: controls.isPipeliningOff === true,
      enforcesSync: controls.enforcesSync,
    };
  }
}

const NONE = [] as const;
