import { type Static, Type } from "typebox";
import { DecisionStage } from "./decisions.ts";
import { DmarcDetail } from "./dmarc.ts";
import { Reception } from "./envelope.ts";
import { Facts } from "./facts.ts";
import { subjectToken } from "./subject-token.ts";

/** Fields of every event. */
const common = {
  v: Type.Literal(1),
  /** Stable: made again after a crash it is the same, and nobody counts it twice. */
  id: Type.String({ minLength: 1 }),
  /** Milliseconds since the epoch. */
  atMs: Type.Integer({ minimum: 0 }),
  /** Which service raised it. */
  service: Type.String(),
};

const ofMessage = { ...common, messageId: Type.String({ minLength: 1 }) };

/** Of a TLS connection, for the log. */
const peerFields = {
  /** `CV=` */
  certificateVerified: Type.Optional(Type.Boolean()),
  /** `DN=`; there only if `log_selector` asks for it. */
  peerName: Type.Optional(Type.String()),
  /** The TLS session is one that was resumed (`*` behind the cipher); there only if `log_selector` asks for it. */
  isResumed: Type.Optional(Type.Literal(true)),
};

/** Our end of a connection (`I=`); there only if `log_selector` asks for it. */
const ownEnd = {
  localAddress: Type.Optional(Type.String()),
  localPort: Type.Optional(Type.Integer()),
};

/** What a delivery attempt for one recipient met. */
const attempt = {
  recipient: Type.String(),
  returnPath: Type.String(),
  /** Return path of the delivery, where it is another one (`errors_to`). */
  errorsTo: Type.Optional(Type.String()),
  /** Addresses that the recipient was made of, the nearest first. */
  parents: Type.Optional(Type.Array(Type.String())),
  router: Type.Optional(Type.String()),
  transport: Type.Optional(Type.String()),
  /** Name of the host as configured. */
  host: Type.Optional(Type.String()),
  hostAddress: Type.Optional(Type.String()),
  hostPort: Type.Optional(Type.Integer()),
  /** These are there only if `log_selector` asks for them: the DNS has vouched for the host (`DS`), the SOCKS proxy on the way to it (`PRX=`). */
  isHostSigned: Type.Optional(Type.Literal(true)),
  proxyAddress: Type.Optional(Type.String()),
  proxyPort: Type.Optional(Type.Integer()),
  /** Milliseconds that the attempt took (`DT=`); there only if `log_selector` asks for it. */
  tookMs: Type.Optional(Type.Integer()),
  ...ownEnd,
};

/** How a session with a host came about, a letter for each step (`PS=`); there only if `log_selector` asks for it. */
const sessionSteps = { steps: Type.Optional(Type.String()) };

/** A client, for the log. */
const client = {
  clientAddress: Type.String(),
  clientPort: Type.Optional(Type.Integer()),
  /** By the reverse DNS, if somebody has asked. */
  clientName: Type.Optional(Type.String()),
  helo: Type.Optional(Type.String()),
  /** `Ci=`; there only if `log_selector` asks for it. */
  connectionId: Type.Optional(Type.String()),
  ...ownEnd,
};

const closed = { additionalProperties: false };

/** Exim's three logs. */
const LogTarget = Type.Enum(["main", "reject", "panic"]);

/** A message was accepted: the log's `<=` line. */
export const Received = Type.Object(
  {
    ...ofMessage,
    name: Type.Literal("msg:received"),
    returnPath: Type.String(),
    recipients: Type.Array(Type.String()),
    reception: Reception,
    /** Of the proxy that has handed on the connection (`PRX=`); there only if `log_selector` asks for it. */
    proxyAddress: Type.Optional(Type.String()),
    facts: Type.Optional(Facts),
    clientName: client.clientName,
    connectionId: client.connectionId,
    ...ownEnd,
    /** The client was told that it is refused (`control = fakereject`): `(=`. */
    isFakeRejected: Type.Optional(Type.Literal(true)),
    /** The rest is there only if `log_selector` asks for it. `AUTH=` of MAIL (`A=…:…:sender`). */
    authenticatedSender: Type.Optional(Type.String()),
    /** Pipelining was offered and used, or not used (`-`); offered for the first commands, too (`.`). */
    pipelining: Type.Optional(Type.Enum(["L", "L-", "L.", "L.-"])),
    /** `BODY=` of MAIL (`M8S=`). */
    bodyBits: Type.Optional(Type.Enum([0, 7, 8])),
    /** From MAIL to the end of the content (`RT=`). */
    tookMs: Type.Optional(Type.Integer()),
    /** `T=`, decoded, cut at 100 octets. */
    subject: Type.Optional(Type.String()),
    /** The sender as MAIL has it, where it was rewritten (`from <…>`). */
    givenPath: Type.Optional(Type.String()),
    /** The TLS session is one that was resumed (`*` behind the cipher). */
    isResumed: Type.Optional(Type.Literal(true)),
    /** `DS` */
    isNameAuthenticated: Type.Optional(Type.Literal(true)),
  },
  closed,
);
export type Received = Static<typeof Received>;

/** A recipient was served: `=>`, or `->` for the further recipients of a transaction. */
export const Delivered = Type.Object(
  {
    ...ofMessage,
    ...attempt,
    ...sessionSteps,
    name: Type.Literal("msg:delivery"),
    /** Not the first recipient of its transaction. */
    further: Type.Optional(Type.Boolean()),
    /** The connection had carried a message before (`*` behind the host). */
    reused: Type.Optional(Type.Boolean()),
    cipher: Type.Optional(Type.String()),
    ...peerFields,
    /** Name of the authenticator that was passed, and who we are by that (`A=`). */
    authenticator: Type.Optional(Type.String()),
    authenticatedId: Type.Optional(Type.String()),
    /** `L`, `PRDR`, `K`: what of SMTP was made use of. */
    isPipelined: Type.Optional(Type.Boolean()),
    isPrdr: Type.Optional(Type.Boolean()),
    isChunked: Type.Optional(Type.Boolean()),
    /** `domain:selector` of each DKIM signature that we have made (`DKIM=`); there only if `log_selector` asks for it. */
    signers: Type.Optional(Type.Array(Type.String())),
    /** `H=` of a local delivery: the hosts as the router has them. */
    hostText: Type.Optional(Type.String()),
    /** `ST=` */
    shadow: Type.Optional(Type.String()),
    /** Octets that were sent or written (`S=`), and milliseconds since the message was received (`QT=`); there only if `log_selector` asks for them. */
    sentOctets: Type.Optional(Type.Integer()),
    queuedMs: Type.Optional(Type.Integer()),
    /** Return path by which reports come back to us (`SRS=`). */
    srsSender: Type.Optional(Type.String()),
    /** The next hop's last reply (`C=`). */
    confirmation: Type.Optional(Type.String()),
    /** The transaction may have succeeded once before, in a process that died: the one window that is left. */
    possibleDuplicate: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type Delivered = Static<typeof Delivered>;

/** A recipient must wait: `==`. */
export const Deferred = Type.Object(
  {
    ...ofMessage,
    ...attempt,
    name: Type.Literal("msg:defer"),
    /** Operating system's error number, or Exim's negative codes (spec: SMTP transport §4). */
    errno: Type.Integer(),
    text: Type.String(),
    /** Milliseconds since the epoch. */
    nextTryAtMs: Type.Integer(),
  },
  closed,
);
export type Deferred = Static<typeof Deferred>;

/** A recipient was given up: `**`. */
export const Failed = Type.Object(
  {
    ...ofMessage,
    ...attempt,
    ...sessionSteps,
    name: Type.Literal("msg:fail:delivery"),
    cipher: Type.Optional(Type.String()),
    ...peerFields,
    text: Type.String(),
  },
  closed,
);
export type Failed = Static<typeof Failed>;

/** Every recipient has come to its end: `Completed`. */
export const Completed = Type.Object(
  {
    ...ofMessage,
    name: Type.Literal("msg:complete"),
    /** Milliseconds since the message was received (`QT=`); there only if `log_selector` asks for it. */
    queuedMs: Type.Optional(Type.Integer()),
  },
  closed,
);
export type Completed = Static<typeof Completed>;

/** An item waits for an operator: `Frozen`. */
export const Frozen = Type.Object({ ...ofMessage, name: Type.Literal("msg:frozen"), reason: Type.String() }, closed);
export type Frozen = Static<typeof Frozen>;

/** A line of the log about a message that has no flag: what an operator did (`removed by …`), what was noticed. */
export const Noted = Type.Object({ ...ofMessage, name: Type.Literal("msg:note"), text: Type.String() }, closed);
export type Noted = Static<typeof Noted>;

/** A command or a message was refused: `H=… rejected RCPT …`, also in the rejectlog. */
export const Rejected = Type.Object(
  {
    ...common,
    name: Type.Literal("smtp:reject"),
    ...client,
    /** Of the message that was refused, if its content had come. */
    messageId: Type.Optional(Type.String()),
    returnPath: Type.Optional(Type.String()),
    /** Who the client has shown to be (`A=`). */
    authenticator: Type.Optional(Type.String()),
    authenticatedId: Type.Optional(Type.String()),
    /** Over what the command came, as in a reception; only of what an ACL has refused. */
    tls: Type.Optional(
      Type.Object(
        {
          cipher: Type.String(),
          certificateVerified: Type.Boolean(),
          peerName: Type.Optional(Type.String()),
          serverName: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
    /** What SPF has said of the return path, if the log wants it. */
    spf: Type.Optional(Type.String()),
    /** Exim's words: `rejected RCPT <a@b>: relay not permitted`. */
    text: Type.String(),
    /** It was no command: a TLS handshake has failed, and `text` is the library's reason. */
    ofHandshake: Type.Optional(Type.Boolean()),
    /** It was no command: the connection was not taken, and `text` says why. */
    ofConnection: Type.Optional(Type.Boolean()),
    /** In which logs; absent: in the usual ones. */
    targets: Type.Optional(Type.Array(LogTarget)),
    /** Lines for the rejectlog behind the first: envelope and header section, each line with its LF. */
    details: Type.Optional(Type.String()),
  },
  closed,
);
export type Rejected = Static<typeof Rejected>;

/** A line of the log that is all that is said: what a policy writes (`logwrite`), what a selector asks for. */
export const Written = Type.Object(
  {
    ...common,
    name: Type.Literal("log:line"),
    messageId: Type.Optional(Type.String()),
    /** Of a client: then it stands behind this, and `text` behind the client. */
    before: Type.Optional(Type.String()),
    ...client,
    clientAddress: Type.Optional(Type.String()),
    /** Stands between the client and the time. */
    between: Type.Optional(Type.String()),
    /** How long the client was connected (`D=`). */
    tookMs: Type.Optional(Type.Integer()),
    text: Type.String(),
    /** In which logs; absent: in the mainlog. */
    targets: Type.Optional(Type.Array(LogTarget)),
  },
  closed,
);
export type Written = Static<typeof Written>;

/**
 * Why the policy has accepted, refused or thrown away a message: every statement that was come by, from the connection on.
 * There is one for a message, or for a transaction of which no message came (its id is one that no message has got).
 */
export const Decided = Type.Object(
  {
    ...ofMessage,
    name: Type.Literal("msg:decided"),
    /** `refused`: nothing of it was taken. `discarded`: the client has been told that it was taken. */
    outcome: Type.Enum(["accepted", "refused", "discarded"]),
    policyVersion: Type.String(),
    /** These are there if no other event tells them, because there is no message. */
    clientAddress: Type.Optional(Type.String()),
    helo: Type.Optional(Type.String()),
    returnPath: Type.Optional(Type.String()),
    recipients: Type.Optional(Type.Array(Type.String())),
    /** In the order in which they were run. Of those that hold for the connection, the last ones before the message. */
    stages: Type.Array(DecisionStage),
    /** Stages that were left out, so that the record stays small: those of further recipients. */
    omittedStages: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);
export type Decided = Static<typeof Decided>;

/**
 * The policy has asked for DMARC of a message whose author publishes a record: for the history file and for aggregate
 * reports. It is there only if one of them is wanted.
 */
export const DmarcChecked = Type.Object(
  {
    ...ofMessage,
    name: Type.Literal("dmarc:check"),
    clientAddress: Type.String(),
    /** Domain of the return path; empty: it is the null one. */
    returnDomain: Type.String(),
    helo: Type.String(),
    status: Type.Enum(["accept", "none", "quarantine", "reject", "temperror"]),
    /** What the client was told; `deferred`: it may come again with it. */
    outcome: Type.Enum(["accepted", "refused", "deferred"]),
    facts: Facts,
    detail: DmarcDetail,
    /** `$arc_state`, if the policy has asked for it. */
    arc: Type.Optional(Type.Enum(["none", "pass", "fail"])),
    /** It is to be in an aggregate report. */
    isReported: Type.Optional(Type.Literal(true)),
  },
  closed,
);
export type DmarcChecked = Static<typeof DmarcChecked>;

export const MailEvent = Type.Union([
  Received,
  Delivered,
  Deferred,
  Failed,
  Completed,
  Frozen,
  Noted,
  Rejected,
  Written,
  Decided,
  DmarcChecked,
]);
export type MailEvent = Static<typeof MailEvent>;

/** `event.<name>.<message id>`: `event.msg_delivery.1vMhGf-…`. */
export function eventSubject(event: MailEvent): string {
  const { messageId: of = "-" } = event;
  return `event.${subjectToken(event.name.replaceAll(":", "_"))}.${of}`;
}
