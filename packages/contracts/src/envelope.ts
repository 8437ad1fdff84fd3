import { type Static, Type } from "typebox";
import { CarriedValue } from "./carried-value.ts";
import { Facts } from "./facts.ts";

/** How the message came in; for Received, the log's `<=` line and the policy's `$sender_*` variables. */
export const Reception = Type.Object(
  {
    /** RFC 3848 word as Exim logs it (`P=`): `smtp`, `esmtp`, `esmtps`, `esmtpa`, `esmtpsa`, each with `utf8` before it for SMTPUTF8, and with `S` for `s` where MAIL has said REQUIRETLS; `local` for our own messages. */
    protocol: Type.String(),
    clientAddress: Type.Optional(Type.String()),
    clientPort: Type.Optional(Type.Integer()),
    /** By the reverse DNS, if somebody has asked. */
    clientName: Type.Optional(Type.String()),
    /** What the client called itself in HELO or EHLO. */
    helo: Type.Optional(Type.String()),
    /** Name of the authenticator that the client has passed, and who it is by that (`A=`). */
    authenticator: Type.Optional(Type.String()),
    authenticatedId: Type.Optional(Type.String()),
    /** AUTH= of MAIL, decoded, as far as the client is believed (RFC 4954 §5). */
    authenticatedSender: Type.Optional(Type.String()),
    /** `TLS1.3:TLS_AES_256_GCM_SHA384:256`; absent in clear text. */
    cipher: Type.Optional(Type.String()),
    /** The content came by BDAT (RFC 3030): `K` in the log. */
    isChunked: Type.Optional(Type.Boolean()),
    /** Each recipient had an answer of its own (draft-hall-prdr-00): `PRDR` in the log. */
    isPrdr: Type.Optional(Type.Boolean()),
    /** Of TLS: the client has shown a certificate that we trust (`CV=yes`). */
    certificateVerified: Type.Optional(Type.Boolean()),
    /** Distinguished name of the client's certificate, cut at 512 octets. */
    peerName: Type.Optional(Type.String()),
    /** The server's name that the client has asked for (SNI). */
    serverName: Type.Optional(Type.String()),
    /** RFC5322 Message-ID without the angle brackets; peers choose it, so it is cut at 998 octets. */
    headerMessageId: Type.Optional(Type.String()),
    /** Octets as accepted, with the fields we added (`S=`). */
    size: Type.Integer({ minimum: 0 }),
    /** What SpamAssassin or rspamd has said, if an ACL has asked: `$spam_score`, `$spam_score_int`, `$spam_bar`. */
    spam: Type.Optional(
      Type.Object(
        { score: Type.String(), scoreInt: Type.Integer(), bar: Type.String() },
        { additionalProperties: false },
      ),
    ),
    /** For a bounce: the id of the message that it is about (`R=`). */
    about: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type Reception = Static<typeof Reception>;

/** What the sender wants of reports about the message (RFC 3461 §4.3, §4.4). */
const MessageNotification = Type.Object(
  {
    ret: Type.Optional(Type.Union([Type.Literal("FULL"), Type.Literal("HDRS")])),
    /** xtext, as it came. */
    envid: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** What the sender wants of reports about a recipient (RFC 3461 §4.1, §4.2). */
const RecipientNotification = Type.Object(
  {
    /** When one is made; absent: in case of failure, and perhaps of delay. NEVER is alone. */
    notify: Type.Optional(
      Type.Array(
        Type.Union([Type.Literal("NEVER"), Type.Literal("SUCCESS"), Type.Literal("FAILURE"), Type.Literal("DELAY")]),
        { minItems: 1 },
      ),
    ),
    /** ORCPT as it came: `rfc822;` and xtext. */
    originalRecipient: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/**
 * Where a recipient comes from that is none of those the client has named: what routers have made of such a one, and what it has
 * inherited. The next attempt goes on with it as if it had just been made.
 */
export const RecipientOrigin = Type.Object(
  {
    /** The addresses it was made of, the nearest first; the last is the one that the client has named. */
    parents: Type.Array(Type.String(), { minItems: 1, maxItems: 101 }),
    /** Of each of these, name of the router that took it; empty: none did. Loops are found by that. */
    routers: Type.Optional(Type.Array(Type.String(), { maxItems: 101 })),
    /** It is no mailbox but an item of a redirect list, and stands in the recipient as it was written. */
    item: Type.Optional(Type.Enum(["pipe", "file", "directory"])),
    /** A peer has had a part in that list. */
    isTainted: Type.Optional(Type.Literal(true)),
    /** Name of the router at which it begins; absent: the first. */
    startsAt: Type.Optional(Type.String()),
    /** What it is known by when deliveries are compared; absent: its address. */
    unique: Type.Optional(Type.String()),
    /** `errors_to`; the empty string: failures make no report. */
    errorsTo: Type.Optional(Type.String()),
    /** Return path under which it is forwarded (SRS). */
    srsSender: Type.Optional(Type.String()),
    /** Each with its final LF. */
    headersAdd: Type.Optional(Type.Array(Type.String())),
    /** Colon-separated names, as the routers have them. */
    headersRemove: Type.Optional(Type.Array(Type.String())),
    /** `address_data` and `r_…`. */
    variables: Type.Optional(Type.Record(Type.String(), CarriedValue)),
    isLastHop: Type.Optional(Type.Literal(true)),
    /** `hide_child_in_errmsg` */
    isHidden: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type RecipientOrigin = Static<typeof RecipientOrigin>;

/** A recipient that is still to be served, with what its next attempt must know. */
export const Recipient = Type.Object(
  {
    /** As given in RCPT TO, latin1; UTF-8 octets if the message is SMTPUTF8. */
    address: Type.String({ minLength: 1 }),
    notification: Type.Optional(RecipientNotification),
    origin: Type.Optional(RecipientOrigin),
    /** The origin is this one of the item's `origins` (`shareOrigins`). */
    sharedOrigin: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Milliseconds since the epoch of the first deferral; absent before it. */
    firstFailedAtMs: Type.Optional(Type.Integer()),
    /** Milliseconds since the epoch of the last attempt. */
    lastTriedAtMs: Type.Optional(Type.Integer()),
    /** The delay given out last time, for the growing steps of retry rules. */
    lastDelayMs: Type.Optional(Type.Integer()),
    /** Text of the last deferral. */
    lastError: Type.Optional(Type.String()),
    /** To which an operator lets nothing be delivered: the domain or host that it waits for. Absent once it is put off for another reason. */
    suspended: Type.Optional(Type.String()),
    /** Hosts that could not be talked to, or were not tried because of that, by the names of their retry records; absent as above. */
    waitsFor: Type.Optional(Type.Array(Type.String())),
    /** Name of the retry record that its last failure is in, if that is one which recipients of other messages share. */
    retryKey: Type.Optional(Type.String()),
    /** Delay warnings that its sender has had. */
    warningsSent: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);
export type Recipient = Static<typeof Recipient>;

/** What every work item of a message carries: state travels with the work. */
export const messageFields = {
  /** Bumped when a field changes meaning. Consumers take the current and the previous version. */
  v: Type.Literal(1),
  messageId: Type.String({ minLength: 1 }),
  /** MAIL FROM; the empty string is the null reverse-path (RFC 5321 §4.5.5). */
  returnPath: Type.String(),
  recipients: Type.Array(Recipient, { minItems: 1 }),
  /** How many there were when the message came, if not all of them are here any more. */
  recipientsCount: Type.Optional(Type.Integer({ minimum: 2 })),
  /** What several of them have inherited alike. */
  origins: Type.Optional(Type.Array(RecipientOrigin)),
  /** Milliseconds since the epoch: when the message was accepted. */
  receivedAtMs: Type.Integer({ minimum: 0 }),
  /** Milliseconds since the epoch: when this item was made. Ids of generated messages are derived from it. */
  queuedAtMs: Type.Integer({ minimum: 0 }),
  /** 1 for the first try. */
  attempt: Type.Integer({ minimum: 1 }),
  /** RFC 6152; absent: 7BIT. */
  eightBit: Type.Optional(Type.Boolean()),
  notification: Type.Optional(MessageNotification),
  /** RFC 6531: addresses and header section may be in UTF-8, and go only where that is known. */
  smtpUtf8: Type.Optional(Type.Literal(true)),
  /** `control = utf8_downconvert` of an ACL; its transport may say otherwise. */
  utf8Downconvert: Type.Optional(Type.Union([Type.Literal(-1), Type.Literal(0), Type.Literal(1)])),
  /** REQUIRETLS (RFC 8689): goes over TLS with hosts that are known to be the right ones, and do the same, or comes back. */
  requireTls: Type.Optional(Type.Literal(true)),
  /** `TLS-Required: No` (RFC 8689 §3): that it arrives matters more than that nobody reads it. Never with `requireTls`. */
  tlsOptional: Type.Optional(Type.Literal(true)),
  /** An operator wants it tried now, whatever retry records say. Holds for one attempt. */
  isForced: Type.Optional(Type.Literal(true)),
  /** A suspension that it waited for is over: retry times mean nothing, limits do. Holds for one attempt. */
  isResumed: Type.Optional(Type.Literal(true)),
  /** Nobody is to deliver it any more: why its recipients fail. */
  cancelled: Type.Optional(Type.String()),
  /** Milliseconds since the epoch: when it began to wait for an operator. Of an item that was frozen. */
  frozenAtMs: Type.Optional(Type.Integer({ minimum: 0 })),
  reception: Reception,
  facts: Type.Optional(Facts),
  /** `acl_c…` and `acl_m…`, as the ACLs have left them. */
  aclVariables: Type.Optional(Type.Record(Type.String(), CarriedValue)),
  /** What BMI engines have said, each for some of the recipients as they were received (`encodeBmiVerdict`). */
  bmiVerdicts: Type.Optional(Type.Array(Type.String())),
};
