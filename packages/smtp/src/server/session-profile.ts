import { formatReply } from "@postbus/mail";
import { ExtensionLines } from "./extension-lines.ts";
import type { ExtensionOffers } from "./extension-offers.ts";
import { type ReplyFormat, replyFormat } from "./reply-format.ts";
import type { SessionQuestion } from "./session-step.ts";

/** What an SMTP server says of itself and allows; the same for all its sessions. */
export interface SessionSettings {
  /** In the greeting and in the replies to EHLO and QUIT. */
  readonly hostname: string;
  /** Lines of the greeting. Default: the host's name and the program's. */
  readonly banner?: readonly [string, ...string[]] | undefined;
  /** Octets; 0: none. RFC 1870. */
  readonly messageSizeLimit: number;
  /** RCPT commands in one transaction; 0: `MAX_RECIPIENTS`. RFC 5321 §4.5.3.1.8 wants 100 at least. */
  readonly recipientsMax: number;
  /** RCPT beyond them is 552, and the message is refused. Default: it is 452, and the message goes to those before. */
  readonly refusesTooManyRecipients?: boolean;
  /** MAIL commands in one session, 0: any number. Default: 0. Exim's `smtp_accept_max_per_connection`. */
  readonly mailMax?: number;
  /** Received fields above which a message is taken to be looping (RFC 5321 §6.3). */
  readonly receivedHeadersMax: number;
  /** Octets of the header section. */
  readonly headerMaxOctets: number;
  /** Octets of one field, its line ends counted as one each; 0 or absent: no limit of its own. Exim's `header_line_maxsize`. */
  readonly headerLineMaxOctets?: number;
  /** A dot behind the domain in MAIL and RCPT is dropped. Default: no. Exim's `strip_trailing_dot`. */
  readonly stripsTrailingDot?: boolean;
  /** So are further pairs of angle brackets. Default: no. Exim's `strip_excess_angle_brackets`. */
  readonly stripsExcessBrackets?: boolean;
  /** Behind STARTTLS, what EHLO has opened before stays open. Default: no, as RFC 3207 §4.2 has it. Exim's `tls_remember_esmtp`. */
  readonly remembersExtended?: boolean;
  /** Commands with wrong syntax or in a wrong place; one more ends the session. */
  readonly maxSyntaxErrors: number;
  /** Unknown commands; one more ends the session. */
  readonly maxUnknownCommands: number;
  /** Commands that are not mail in one session; one more ends it. Default: 10, as Exim's `smtp_accept_max_nonmail`. */
  readonly maxNonmail?: number;
  /** `user@[192.0.2.1]` is taken: `allow_domain_literals`. Default: yes. */
  readonly acceptsLiterals?: boolean;
  /** Besides letters, digits, dots and hyphens, what may be in the name of HELO: Exim's `helo_allow_chars`. Default: nothing. */
  readonly heloCharacters?: string;
  readonly offersTls: boolean;
  /** What is offered to clients of whom nothing else is known. Default: PIPELINING. */
  readonly offers?: Readonly<Partial<ExtensionOffers>>;
  /** ENHANCEDSTATUSCODES (RFC 2034). Default: yes. */
  readonly offersStatus?: boolean;
  /** Of them, those that EHLO names: somebody may be answered. Default: none. */
  readonly commands?: readonly ("etrn" | "vrfy" | "expn")[];
  /** 8BITMIME (RFC 6152) is offered. Exim's `accept_8bitmime`. Default: yes. */
  readonly offersEightBitMime?: boolean;
  /** A client that sends ahead where it must not is turned away. Default: yes. */
  readonly enforcesSync?: boolean;
  /** What the owner wants to be asked, besides what it always is. Default: nothing. */
  readonly asks?: ReadonlySet<SessionQuestion>;
}

/** Exim's default of `recipients_max`, where the policy sets no limit: everything that collects has a bound. */
const MAX_RECIPIENTS = 50_000;

/** Exim's default of `smtp_accept_max_nonmail`. */
const MAX_NONMAIL_COMMANDS = 10;

/** `SessionSettings` with the replies that follow from them, made once. */
export interface SessionProfile extends SessionSettings {
  readonly greeting: string;
  readonly mailMax: number;
  readonly refusesTooManyRecipients: boolean;
  readonly heloCharacters: string;
  readonly enforcesSync: boolean;
  readonly offersEightBitMime: boolean;
  readonly maxNonmail: number;
  readonly acceptsLiterals: boolean;
  readonly asks: ReadonlySet<SessionQuestion>;
  readonly format: ReplyFormat;
  readonly offers: ExtensionOffers;
  /** Lines of the EHLO reply behind the first. */
  readonly extensions: ExtensionLines;
  readonly closing: string;
}

/** What may differ from one client to the next. */
export type SessionTerms = Partial<
  Pick<SessionSettings, "hostname" | "banner" | "messageSizeLimit" | "recipientsMax" | "mailMax">
>;

/** A profile for one client. @param terms What is not in it is as for all. */
export function profileUnder(profile: SessionProfile, terms: SessionTerms): SessionProfile {
  return {
    ...profile,
    ...terms,
    ...repliesOf({ ...profile, ...terms }),
    recipientsMax: bounded(terms.recipientsMax ?? profile.recipientsMax),
  };
}

const bounded = (recipientsMax: number): number => (recipientsMax > 0 ? recipientsMax : MAX_RECIPIENTS);

/** What follows from the settings that may differ. */
function repliesOf({
  hostname,
  banner = [`${hostname} ESMTP Postbus`],
  messageSizeLimit,
  recipientsMax,
  mailMax,
  offersStatus = true,
  offersEightBitMime = true,
  commands = [],
  format,
}: SessionSettings & Pick<SessionProfile, "mailMax" | "format">): Pick<
  SessionProfile,
  "greeting" | "extensions" | "closing"
> {
  return {
    greeting: formatReply({ code: 220, lines: banner }),
    extensions: new ExtensionLines({
      ...{ messageSizeLimit, recipientsMax, mailMax, offersStatus, offersEightBitMime },
      commands: commands.map((name) => name.toUpperCase()),
    }),
    closing: format.own({ code: 221, status: "2.0.0", lines: [`${hostname} closing connection`] }),
  };
}

export function sessionProfile(settings: SessionSettings): SessionProfile {
  const { recipientsMax, mailMax = 0, offersStatus = true } = settings;
  const format = replyFormat(offersStatus);
  return {
    ...settings,
    ...repliesOf({ ...settings, mailMax, format }),
    mailMax,
    refusesTooManyRecipients: settings.refusesTooManyRecipients ?? false,
    heloCharacters: settings.heloCharacters ?? "",
    enforcesSync: settings.enforcesSync ?? true,
    offersEightBitMime: settings.offersEightBitMime ?? true,
    maxNonmail: settings.maxNonmail ?? MAX_NONMAIL_COMMANDS,
    acceptsLiterals: settings.acceptsLiterals ?? true,
    asks: settings.asks ?? new Set(),
    format,
    recipientsMax: bounded(recipientsMax),
    offers: {
      pipelining: true,
      pipeConnect: false,
      chunking: false,
      dsn: false,
      smtpUtf8: false,
      limits: false,
      requireTls: false,
      prdr: false,
      ...settings.offers,
    },
  };
}
