import { type Static, Type } from "typebox";
import { DecisionStage } from "./decisions.ts";
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

/** What a delivery attempt for one recipient met. */
const attempt = {
  recipient: Type.String(),
  returnPath: Type.String(),
  router: Type.Optional(Type.String()),
  transport: Type.Optional(Type.String()),
  /** Name of the host as configured. */
  host: Type.Optional(Type.String()),
  hostAddress: Type.Optional(Type.String()),
  hostPort: Type.Optional(Type.Integer()),
};

const closed = { additionalProperties: false };

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
  },
  closed,
);
export type Received = Static<typeof Received>;

/** A recipient was served: `=>`, or `->` for the further recipients of a transaction. */
export const Delivered = Type.Object(
  {
    ...ofMessage,
    ...attempt,
    name: Type.Literal("msg:delivery"),
    /** Not the first recipient of its transaction. */
    further: Type.Optional(Type.Boolean()),
    /** The connection had carried a message before (`*` behind the host). */
    reused: Type.Optional(Type.Boolean()),
    cipher: Type.Optional(Type.String()),
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
  { ...ofMessage, ...attempt, name: Type.Literal("msg:fail:delivery"), text: Type.String() },
  closed,
);
export type Failed = Static<typeof Failed>;

/** Every recipient has come to its end: `Completed`. */
export const Completed = Type.Object({ ...ofMessage, name: Type.Literal("msg:complete") }, closed);
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
    clientAddress: Type.String(),
    clientPort: Type.Optional(Type.Integer()),
    helo: Type.Optional(Type.String()),
    returnPath: Type.Optional(Type.String()),
    /** Exim's words: `rejected RCPT <a@b>: relay not permitted`. */
    text: Type.String(),
    /** It was no command: a TLS handshake has failed, and `text` is the library's reason. */
    ofHandshake: Type.Optional(Type.Boolean()),
    /** It was no command: the connection was not taken, and `text` says why. */
    ofConnection: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type Rejected = Static<typeof Rejected>;

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

export const MailEvent = Type.Union([
  Received,
  Delivered,
  Deferred,
  Failed,
  Completed,
  Frozen,
  Noted,
  Rejected,
  Decided,
]);
export type MailEvent = Static<typeof MailEvent>;

/** `event.<name>.<message id>`: `event.msg_delivery.1vMhGf-…`. */
export function eventSubject(event: MailEvent): string {
  const of = "messageId" in event ? event.messageId : "-";
  return `event.${subjectToken(event.name.replaceAll(":", "_"))}.${of}`;
}
