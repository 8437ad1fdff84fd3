export {
  type CountedDmarcResult,
  DAY_MS,
  type DmarcResult,
  type DmarcResults,
  readDmarcResult,
} from "./dmarc-results.ts";
export type {
  Appended,
  History,
  HistoryReader,
  MessageFilter,
  MessageHistory,
  MessagePage,
  MessageSummary,
  MinuteRate,
  RecipientHistory,
  RejectPage,
} from "./history.ts";
export { HistoryUnavailableError, ReaderReplacedError } from "./history-error.ts";
export { type MessageState, messageStates, REMOVED } from "./message-state.ts";
export { type HistoryLocation, openHistory } from "./open-history.ts";
export { readable } from "./rows.ts";
