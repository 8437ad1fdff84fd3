import type { Received } from "@postbus/contracts";
import type { Incoming } from "../incoming.ts";
import { connectionFields } from "./logged-client.ts";

/** What the `<=` line has only where a selector asks for it, or where it is known by chance. */
export type LoggedReception = Pick<
  Received,
  | "clientName"
  | "connectionId"
  | "localAddress"
  | "localPort"
  | "proxyAddress"
  | "authenticatedSender"
  | "pipelining"
  | "bodyBits"
  | "tookMs"
  | "subject"
  | "givenPath"
  | "isResumed"
  | "isFakeRejected"
>;

/** Octets of a subject that are logged, as in Exim. */
const MAX_SUBJECT = 100;

/** @param known What is not found out unless it is wanted. */
export function loggedReception(
  { client, envelope, acls, pipelining }: Incoming,
  selectors: ReadonlySet<string>,
  known: { readonly tookMs: number; readonly subject: () => string | undefined },
): LoggedReception {
  const { proxy, tls } = acls.session.connection;
  const { authenticatedSender, controls } = acls.session.message;
  const logged: { -readonly [K in keyof LoggedReception]: LoggedReception[K] } = connectionFields(client, selectors);
  // As in Exim, `fakedefer` has no sign of its own.
  if (controls.fake?.code === 550) logged.isFakeRejected = true;
  if (selectors.has("connection_id")) logged.connectionId = client.connectionId;
  if (proxy?.result === "ok" && selectors.has("proxy")) logged.proxyAddress = proxy.localAddress;
  if (authenticatedSender !== undefined && selectors.has("smtp_mailauth")) {
    logged.authenticatedSender = authenticatedSender;
  }
  const { givenPath, returnPath } = envelope;
  if (givenPath !== returnPath && selectors.has("received_sender")) logged.givenPath = givenPath;
  if (pipelining !== undefined && selectors.has("pipelining")) logged.pipelining = pipelining;
  if (tls?.resumption === "resumed" && selectors.has("tls_resumption")) logged.isResumed = true;
  if (selectors.has("8bitmime")) logged.bodyBits = envelope.eightBit ? 8 : envelope.sevenBit ? 7 : 0;
  if (selectors.has("receive_time")) logged.tookMs = known.tookMs;
  const subject = selectors.has("subject") ? known.subject() : undefined;
  if (subject !== undefined) logged.subject = subject.trim().slice(0, MAX_SUBJECT);
  return logged;
}
