export { type Composed, composeReport } from "./compose-report.ts";
export type { ReportKind, ReportRecipient } from "./report.ts";
export {
  FormSurvey,
  HEADER_SECTION_MAX_OCTETS,
  isWithinSize,
  type MessageForm,
  type Original,
  type ReturnLimits,
} from "./returned-message.ts";
export type { Template, Wording } from "./wording.ts";
