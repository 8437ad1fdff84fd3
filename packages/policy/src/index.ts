export { Acls } from "./acl/acls.ts";
export type { AclAnswer } from "./acl/answer.ts";
export { type DecisionRecord, formatRecord } from "./acl/decision-record.ts";
export { dkimLimits } from "./acl/dkim/dkim-limits.ts";
export { type DkimStage, runDkimStage } from "./acl/dkim/dkim-stage.ts";
export type { Signature } from "./acl/dkim/signature.ts";
export type { Fact } from "./acl/facts.ts";
export type { AclHooks, DecisionListener, LogAbout, LogTarget } from "./acl/hooks.ts";
export { type MimeStage, runMimeStage } from "./acl/mime/mime-stage.ts";
export { withoutKeys } from "./acl/plain-value.ts";
export { AclSession } from "./acl/session.ts";
export { sessionNames } from "./acl/session-names.ts";
export type { ClientEndpoint, TlsView } from "./acl/smtp/connection.ts";
export { changedHeader } from "./acl/smtp/header-changes.ts";
export { judgeContent } from "./acl/smtp/judge-content.ts";
export { isProxyItself, type ProxyView, withoutProxiedClient } from "./acl/smtp/proxy-view.ts";
export { receivedContent } from "./acl/smtp/received-content.ts";
export { SmtpAcls } from "./acl/smtp/smtp-acls.ts";
export { type SmtpParts, smtpParts } from "./acl/smtp/smtp-parts.ts";
export type { AddressVerdict, CalloutOptions, VerifyAddressRequest } from "./acl/verify-address.ts";
export type { AuthAnswer, FailedLogin } from "./authenticators/auth-dialogue.ts";
export type {
  ClientAuthenticator,
  ClientExchange,
  ClientStep,
  ConnectionView,
} from "./authenticators/client/client-authenticator.ts";
export { type BmiVerdict, BmiVerdicts } from "./carried/bmi-verdicts.ts";
export { carriedValues, fromCarried } from "./carried/carried-value.ts";
export { type MessageContent, messageContent } from "./carried/message-content.ts";
export { MessageVariables } from "./carried/message-variables.ts";
export { compilePolicy, rewritingOf } from "./compile-policy.ts";
export { authservIds } from "./compiled/authserv-ids.ts";
export type { DmarcPolicy } from "./compiled/dmarc-policy.ts";
export { dmarcSuffixFile } from "./compiled/dmarc-policy.ts";
export { smtpPolicy } from "./compiled/smtp-policy.ts";
export { addedLines } from "./compiled/transports/added-lines.ts";
export type {
  AppendfileSettings,
  AppendfileText,
  AppendfileTransport,
} from "./compiled/transports/appendfile-transport.ts";
export type { AutoreplyTransport, Reply } from "./compiled/transports/autoreply/autoreply-transport.ts";
export type { FilterOrder } from "./compiled/transports/filter-order.ts";
export type { LmtpServer, LmtpTransport } from "./compiled/transports/lmtp/lmtp-transport.ts";
export type { DeliveryPlace } from "./compiled/transports/local/delivery-place.ts";
export type { LineForm } from "./compiled/transports/local/line-form.ts";
export type { Refusal } from "./compiled/transports/local/refusal.ts";
export type { ShadowDelivery } from "./compiled/transports/local/shadow.ts";
export type { PipeOrder, PipeSettings, PipeTransport } from "./compiled/transports/pipe/pipe-transport.ts";
export type { QueuefileTransport } from "./compiled/transports/queuefile-transport.ts";
export type { DkimSigning, KeySource, MessageSigning } from "./compiled/transports/signing/message-signing.ts";
export type { HostTerms, OutgoingProxy, SmtpTransport } from "./compiled/transports/smtp-transport.ts";
export { variablesIn } from "./compiled/transports/variables-in.ts";
export type { WantedFacts } from "./compiled/wanted-facts.ts";
export type { EventActions, EventContext, TransportEventAction } from "./events/event-actions.ts";
export { Lines, recipientErrno, variablesOf } from "./events/outcome-actions.ts";
export { OutcomeRaiser } from "./events/outcome-raiser.ts";
export type { RaisedEvent } from "./events/raised-event.ts";
export type { Eventual } from "./expansion/code.ts";
export { compileExpansion } from "./expansion/compile-expansion.ts";
export { createEvaluation } from "./expansion/create-evaluation.ts";
export {
  defaultLanguageSettings,
  type Evaluation,
  type Headers,
  type Surroundings,
  type Variables,
} from "./expansion/evaluation.ts";
export type { Expansion } from "./expansion/expansion.ts";
export { ForcedFailure, failureText } from "./expansion/failures.ts";
export { mailboxes, parseMailbox } from "./expansion/mailbox.ts";
export { lowerCase } from "./expansion/operators/case.ts";
export { systemProblem } from "./expansion/system-problem.ts";
export { Tainted, textOf, type Value } from "./expansion/value.ts";
export { PolicyInForce } from "./load/policy-in-force.ts";
export { type ProcessParts, policySurroundings, type SharedSurroundings } from "./load/policy-surroundings.ts";
export { loadPolicy, PROGRAM_VERSION, readPolicy } from "./load-policy.ts";
export { type CompiledList, compileList } from "./matching/compile-list.ts";
export { sameAddress } from "./matching/ip-network.ts";
export { NamedLists } from "./matching/named-lists.ts";
export { splitList } from "./matching/split-list.ts";
export { optionsPage } from "./options/options-page.ts";
export type {
  CompiledTransport,
  HeaderRewriting,
  LogPolicy,
  MessageOptions,
  Policy,
  RetryFailure,
  SmtpPolicy,
  TlsPolicy,
  Transport,
} from "./policy.ts";
export { checkConfiguration } from "./reader/check-configuration.ts";
export type { Configuration, RouterSettings } from "./reader/configuration.ts";
export type { OptionSet } from "./reader/option-set.ts";
export { formatPlace, type Place, ProblemList } from "./reader/problem.ts";
export { readConfiguration } from "./reader/read-configuration.ts";
export { HEADER_PLACES, type HeaderQualifiers, rewriteHeaderLine } from "./rewriting/rewrite-header-line.ts";
export { type RewriteContext, RewriteRules } from "./rewriting/rewrite-rules.ts";
export { fixSubmitted } from "./submission/fix-submitted.ts";
export type { HeaderFixups } from "./submission/submitted-header.ts";
export { ExpansionTester } from "./tester/expansion-tester.ts";
