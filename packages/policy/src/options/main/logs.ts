import { readInteger as size } from "../../reader/option-value.ts";
import { checkLogSelector } from "../log-selectors.ts";
import { ignored, logger, type OptionTable } from "../option.ts";

/** Log files (Exim's manual, "Log files"). */
export const logOptions = {
  check_log_inodes: ignored("integer", 100),
  check_log_space: ignored("integer", size("10M")),
  log_file_path: logger("list*", undefined, "`log/%slog` in the data directory; one place, no syslog"),
  log_ports: logger("list", "*"),
  log_selector: logger("string", undefined, { check: checkLogSelector }),
  log_timezone: logger("boolean", false),
  message_logs: ignored("boolean", true),
  preserve_message_logs: ignored("boolean", false),
  process_log_path: ignored("string"),
  syslog_duplication: ignored("boolean", true),
  syslog_facility: ignored("string"),
  syslog_pid: ignored("boolean", true),
  syslog_processname: ignored("string", "exim"),
  syslog_timestamp: ignored("boolean", true),
  write_rejectlog: logger("boolean", true),
} satisfies OptionTable;
