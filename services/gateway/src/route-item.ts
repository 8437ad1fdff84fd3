import {
  type Content,
  contentSize,
  type Facts,
  firstItemId,
  type Received,
  type Reception,
  type Recipient,
  type RouteItem,
} from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { carriedValues, type SmtpAcls, textOf } from "@postbus/policy";
import type { NotifyOccasion } from "@postbus/smtp";
import type { Envelope } from "./envelope.ts";
import type { Incoming } from "./incoming.ts";
import type { LoggedReception } from "./log/logged-reception.ts";
import { receivedOver } from "./log/received-over.ts";

/** Octets of ACL variables that travel with a message: it must fit into one item of the bus. */
const MAX_VARIABLES = 65_536;

interface Named {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** Of the Message-ID field. */
  readonly headerMessageId: string | undefined;
  /** `TLS-Required: No` */
  readonly tlsOptional: boolean;
}

/** A received message as the router gets it. @throws {DeferError} it does not fit into an item. */
export function routeItem(
  incoming: Incoming,
  named: Named,
  content: Content,
  facts: Facts | undefined,
  bmiVerdicts: readonly string[],
): RouteItem {
  const { envelope, acls } = incoming;
  const { messageId, receivedAtMs, tlsOptional } = named;
  const { returnPath } = envelope;
  const { message } = acls.session;
  const isFake = message.controls.fake !== undefined;
  const { utf8Downconvert, requiresTls: requireTls = false } = message.controls;
  const notification = requireTls ? headersOnly(envelope) : envelope.notification;
  const aclVariables = carriedVariables(acls);
  return {
    v: 1,
    messageId,
    returnPath,
    recipients: envelope.recipients.map((address) => itemRecipient(address, envelope, isFake)),
    receivedAtMs,
    queuedAtMs: receivedAtMs,
    attempt: 1,
    reception: receptionOf(incoming, named, content),
    ...(envelope.eightBit ? { eightBit: true } : {}),
    ...(notification === undefined ? {} : { notification }),
    ...(envelope.smtpUtf8 ? { smtpUtf8: true } : {}),
    ...(utf8Downconvert === undefined ? {} : { utf8Downconvert }),
    ...(requireTls ? { requireTls } : {}),
    ...(tlsOptional && !requireTls ? { tlsOptional } : {}),
    ...(facts === undefined ? {} : { facts }),
    ...(aclVariables === undefined ? {} : { aclVariables }),
    ...(bmiVerdicts.length === 0 ? {} : { bmiVerdicts: [...bmiVerdicts] }),
  };
}

/** RFC 8689 §5: no report gives away what was to be protected. */
const headersOnly = ({ notification }: Envelope): RouteItem["notification"] => ({ ...notification, ret: "HDRS" });

/** That it was received, for the log. */
export function receivedEvent(incoming: Incoming, item: RouteItem, logged: LoggedReception): Received {
  const { envelope } = incoming;
  const { messageId, returnPath, receivedAtMs, reception, facts } = item;
  return {
    v: 1,
    id: `${firstItemId(messageId)}/received`,
    atMs: receivedAtMs,
    service: "gateway",
    messageId,
    name: "msg:received",
    returnPath,
    recipients: [...envelope.recipients],
    reception,
    ...logged,
    ...(facts === undefined ? {} : { facts }),
  };
}

function receptionOf(incoming: Incoming, { headerMessageId }: Named, content: Content): Reception {
  const { client, protocol, tls, isChunked, acls } = incoming;
  const { authenticatedSender } = acls.session.message;
  const { hostName = "" } = acls.session.connection;
  return {
    protocol,
    clientAddress: client.address,
    ...(hostName === "" ? {} : { clientName: hostName }),
    clientPort: client.port,
    helo: client.helo,
    size: contentSize(content),
    ...(tls === undefined ? {} : receivedOver(tls)),
    ...authenticationOf(acls),
    ...(authenticatedSender === undefined ? {} : { authenticatedSender: authenticatedSender.slice(0, MAX_ID) }),
    ...(isChunked ? { isChunked } : {}),
    ...(acls.session.message.isPrdr ? { isPrdr: true } : {}),
    ...(headerMessageId === undefined ? {} : { headerMessageId }),
    ...spamOf(acls),
  };
}

/** As the last `spam` condition has left it. */
function spamOf({ session }: SmtpAcls): Pick<Reception, "spam"> {
  const { found } = session.message;
  const scoreInt = found.get("spam_score_int");
  if (typeof scoreInt !== "number") return {};
  return { spam: { score: String(found.get("spam_score")), scoreInt, bar: String(found.get("spam_bar")) } };
}

/** A lookup may have made the name; nothing longer is anybody's. */
const MAX_ID = 1_024;

function authenticationOf({ session }: SmtpAcls): Pick<Reception, "authenticator" | "authenticatedId"> {
  const { authentication } = session.connection;
  if (authentication === undefined) return {};
  const id = textOf(authentication.id).slice(0, MAX_ID);
  return { authenticator: authentication.by, ...(id === "" ? {} : { authenticatedId: id }) };
}

function itemRecipient(address: string, envelope: Envelope, isFake: boolean): Recipient {
  const asked = envelope.notificationOf(address);
  if (asked === undefined) return { address };
  const { notify, originalRecipient } = asked;
  return {
    address,
    notification: {
      ...(notify === undefined ? {} : { notify: isFake ? withoutSigns(notify) : [...notify] }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    },
  };
}

/** Whom a policy has told that the message was refused must not learn from a report that it was not. */
function withoutSigns(notify: readonly NotifyOccasion[]): NotifyOccasion[] {
  const left = notify.filter((occasion) => occasion !== "SUCCESS" && occasion !== "DELAY");
  return left.length === 0 ? ["NEVER"] : left;
}

/** @throws {DeferError} they are too large. */
function carriedVariables({ session }: SmtpAcls): RouteItem["aclVariables"] {
  const { connection, message } = session;
  if (connection.variables.size === 0 && message.variables.size === 0) return undefined;
  const carried = carriedValues([...connection.variables, ...message.variables]);
  if (carried !== undefined && JSON.stringify(carried).length > MAX_VARIABLES) {
    throw new DeferError("policy", `ACL variables of more than ${MAX_VARIABLES} octets cannot travel with a message`);
  }
  return carried;
}
