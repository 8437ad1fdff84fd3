export { composeReport } from "./compose-report.ts";
export type { ReportKind, ReportRecipient } from "./report.ts";
export { HEADER_SECTION_MAX_OCTETS, type Original, type ReturnLimits } from "./returned-message.ts";
export type { Template, Wording } from "./wording.ts";
