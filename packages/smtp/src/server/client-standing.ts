import type { ExtensionOffers } from "./extension-offers.ts";

/** What a server knows of one client, and lets it do. */
export interface ClientStanding {
  /** By the reverse DNS; empty: not known. The replies to HELO and EHLO have it. */
  readonly name: string;
  /** Of AUTH, as EHLO names them (RFC 4954 §3), blanks between; empty: it is not offered. */
  readonly mechanisms: string;
  /** AUTH is taken though it was not offered: Exim's `control = allow_auth_unadvertised`. */
  readonly mayAuthenticateUnasked: boolean;
  /** MAIL may come without a domain: Exim's `sender_unqualified_hosts`. */
  readonly mayOmitSenderDomain: boolean;
  /** RCPT and VRFY may: Exim's `recipient_unqualified_hosts`. */
  readonly mayOmitRecipientDomain: boolean;
  /** Commands that are not mail have a limit: Exim's `smtp_accept_max_nonmail_hosts`. */
  readonly isNonmailLimited: boolean;
  /** STARTTLS is offered to it, as far as there is a certificate: Exim's `tls_advertise_hosts`. */
  readonly isTlsOffered: boolean;
  /** It reads only the last line of a reply: Exim's `control = no_multiline_responses`. EHLO is answered as ever. */
  readonly wantsSingleLines: boolean;
  /** PIPELINING is not offered to it: Exim's `control = no_pipelining`. */
  readonly isPipeliningOff: boolean;
  /** Extensions that are offered to it though the profile does not, or not though the profile does. */
  readonly offers: Readonly<Partial<ExtensionOffers>>;
  /** It may send what it has to say before the greeting, EHLO and what follows (PIPECONNECT): Exim's `pipelining_connect_advertise_hosts`. */
  readonly maySpeakFirst: boolean;
  /** It may say who the client is: Exim's `hosts_xclient`. */
  readonly mayXclient: boolean;
  /** HELO and EHLO may have any name, or none: Exim's `helo_accept_junk_hosts`. */
  readonly mayGreetWithJunk: boolean;
  /** MAIL may come without HELO or EHLO before it: not in Exim's `hosts_require_helo`. */
  readonly mayOmitHello: boolean;
  /** Whether it is turned away when it sends ahead where it must not. Undefined: as the profile says. */
  readonly enforcesSync: boolean | undefined;
}

/** Of a client of which nothing is known. */
export const UNKNOWN_CLIENT: ClientStanding = {
  name: "",
  mechanisms: "",
  mayAuthenticateUnasked: false,
  mayOmitSenderDomain: false,
  mayOmitRecipientDomain: false,
  isNonmailLimited: true,
  isTlsOffered: true,
  wantsSingleLines: false,
  isPipeliningOff: false,
  offers: {},
  maySpeakFirst: false,
  mayXclient: false,
  mayGreetWithJunk: false,
  mayOmitHello: false,
  enforcesSync: undefined,
};
