export { BmiDestination, BmiEngine, BmiProfile, BmiRule, BmiSetup, BmiTest } from "./bmi/bmi-setup.ts";
export {
  type BmiVerdictOctets,
  bmiKey,
  bmiVerdictsAbout,
  decodeBmiVerdict,
  encodeBmiTracker,
  encodeBmiVerdict,
} from "./bmi/bmi-verdict.ts";
export { type BmiGroup, groupByProfile } from "./bmi/group-by-profile.ts";
export { CalloutAnswer, CalloutRequest, calloutSubject } from "./callout.ts";
export { CarriedValue } from "./carried-value.ts";
export {
  type Content,
  contentSize,
  INLINE_LIMIT_OCTETS,
  messageOfSpooled,
  SpoolReference,
  spoolName,
} from "./content.ts";
export { ReloadReport, ReloadRequest, reloadedSubject, reloadSubject } from "./control.ts";
export { DecisionStage, DecisionStep } from "./decisions.ts";
export { DeliveryItem, deliverySubject } from "./delivery-item.ts";
export { DkimSignature } from "./dkim-signature.ts";
export {
  DestinationsAnswer,
  DestinationsRequest,
  DmarcDetail,
  DmarcRecord,
  verifyDestinationsSubject,
} from "./dmarc.ts";
export { Reception, Recipient, RecipientOrigin } from "./envelope.ts";
export {
  Completed,
  Decided,
  Deferred,
  Delivered,
  DmarcChecked,
  eventSubject,
  Failed,
  Frozen,
  MailEvent,
  Noted,
  Received,
  Rejected,
  Written,
} from "./event.ts";
export { ArcFact, DkimFact, DmarcFact, Facts, SpfFact } from "./facts.ts";
export { FLEET_BEAT_MS, FLEET_EXPIRY_MS, FleetMember, fleetBucket } from "./fleet.ts";
export { firstItemId, nextItemId, splitItemId } from "./item-id.ts";
export { QuotaAnswer, QuotaRequest, quotaSubject } from "./quota.ts";
export { RouteItem, routeSubject } from "./route-item.ts";
export { BmiAnswer, BmiTask } from "./scan/bmi-scan.ts";
export { DccTask, DccVerdict } from "./scan/dcc-scan.ts";
export { MalwareTask } from "./scan/malware-scan.ts";
export { ScanAnswer, ScanRequest, ScanTask, ScanVerdict, scanSubject } from "./scan/scan.ts";
export { ScanNews, scanNewsSubject } from "./scan/scan-news.ts";
export { ScanServer } from "./scan/scan-server.ts";
export { SpamTask } from "./scan/spam-scan.ts";
export { shareOrigins, withOrigins } from "./shared-origins.ts";
export { subjectToken } from "./subject-token.ts";
export { Suspension, suspensionBucket, suspensionKey } from "./suspension.ts";
export {
  busyAnswer,
  DkimLimits,
  isUnchecked,
  isUncheckedDmarc,
  MESSAGE_QUERIES,
  MessageAnswer,
  MessageRequest,
  SPF_QUERIES,
  SpfAnswer,
  SpfRequest,
  USUAL_HEADER_OCTETS,
  verifyMessageSubject,
  verifySpfSubject,
} from "./verify.ts";
export {
  parseNetwork,
  WATCH_BEAT_MS,
  WATCH_LEASE_MS,
  WatchedLine,
  WatchFilter,
  WatchReport,
  WatchRequest,
  watchedSubject,
  watchSubject,
} from "./watch.ts";
