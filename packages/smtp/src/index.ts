export { type CalloutEnd, type CalloutPeer, calloutDialogue, type PeerWord } from "./client/callout-dialogue.ts";
export type { Capabilities } from "./client/capabilities.ts";
export type { ClientSessionOptions } from "./client/client-session-options.ts";
export { ContentEncoder } from "./client/content-encoder.ts";
export { errnos, type Loss, printable, type Trouble } from "./client/error-text.ts";
export { LmtpDialogue, type LmtpResult, type LmtpTransaction } from "./client/lmtp-dialogue.ts";
export { type PeerReply, ReplyParser } from "./client/reply-parser.ts";
export { ClientSession, isSafeAddress } from "./client/session.ts";
export type {
  RecipientResult,
  SessionFailure,
  Step,
  Transaction,
  TransactionResult,
} from "./client/transaction.ts";
export type { MessageNotification, NotifyOccasion, RecipientNotification } from "./notification.ts";
export type { ClientStanding } from "./server/client-standing.ts";
export type { LineObserver } from "./server/line-observer.ts";
export { OctetList } from "./server/octet-list.ts";
export { parseProxyHeader } from "./server/proxy/parse-proxy-header.ts";
export type { ProxyHeader } from "./server/proxy/proxy-header.ts";
export { ServerSession } from "./server/session.ts";
export {
  type SessionProfile,
  type SessionSettings,
  type SessionTerms,
  sessionProfile,
} from "./server/session-profile.ts";
export type { EarlyInput, SessionQuestion, SessionStep } from "./server/session-step.ts";
export type { XclientValues } from "./server/xclient.ts";
