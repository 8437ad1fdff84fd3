import type { ReportPolicy } from "@postbus/queue";
import { MessageContent } from "../../carried/message-content.ts";
import { MessageVariables } from "../../carried/message-variables.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import type { Configuration } from "../../reader/configuration.ts";
import { compileErrorsCopy } from "./errors-copy.ts";
import { type ReportContext, reportExpansion } from "./report-context.ts";
import { compileTemplateFile } from "./template-file.ts";

interface Names {
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
}

/** What the file says about bounces, delay warnings and success reports (Exim's manual, "Customizing messages"). */
export function compileReportPolicy(
  { main }: Pick<Configuration, "main">,
  shared: SharedSurroundings,
  names: Names,
): ReportPolicy {
  const from = compileExpansion(main.get("dsn_from"));
  const condition = compileExpansion(main.get("delay_warning_condition"));
  const charset = reportExpansion(compileExpansion(main.get("bounce_charset")), "bounce_charset");
  const copies = compileErrorsCopy(main.get("errors_copy"));
  const bounceFile = compileTemplateFile("bounce_message_file", main.get("bounce_message_file"));
  const warnFile = compileTemplateFile("warn_message_file", main.get("warn_message_file"));
  const sizeLimit = main.get("bounce_return_size_limit");
  const general: Readonly<Record<string, string | number>> = {
    primary_hostname: names.primaryHostname,
    qualify_domain: names.qualifyDomain,
    bounce_return_size_limit: sizeLimit,
  };
  const visible = main.get("message_body_visible");
  const defaultFrom = `Mail Delivery System <Mailer-Daemon@${names.qualifyDomain}>`;
  return {
    limits: {
      returnsMessage: main.get("bounce_return_message"),
      returnsBody: main.get("bounce_return_body"),
      sizeLimit,
      lineLimit: main.get("bounce_return_linesize_limit"),
    },
    authenticatedSender: main.get("bounce_sender_authentication"),
    delayWarningsMs: main.get("delay_warning").filter((ms) => ms > 0),
    async terms({ kind, item, content, to, delay = "", recipients }) {
      const own: Readonly<Record<string, string | number>> =
        kind === "delay"
          ? { warn_message_delay: delay, warn_message_recipients: recipients.join(", ") }
          : { bounce_recipient: to };
      const message = new MessageVariables(item);
      const headers = new MessageContent(content, visible);
      const problems: string[] = [];
      const context: ReportContext = {
        evaluation: createEvaluation({
          ...shared,
          variables: { get: (name) => own[name] ?? general[name] ?? headers.get(name) ?? message.get(name) },
          headers,
        }),
        problems,
      };
      if (kind === "delay" && !(await holds())) return { ...UNWANTED, problems };
      const file = kind === "failure" ? bounceFile : kind === "delay" ? warnFile : undefined;
      return {
        isWanted: true,
        wording: {
          from: (await reportExpansion(from, "dsn_from")(context)) || defaultFrom,
          replyTo: main.get("errors_reply_to"),
          charset: (await charset(context)) || "us-ascii",
          text: main.get("bounce_message_text"),
          template: await file?.(context),
          givesDetails: main.get("dsn_info"),
        },
        copies: kind === "failure" ? await copies(to, context) : [],
        problems,
      };

      /** As Exim: a condition that cannot be expanded does not hold. */
      async function holds(): Promise<boolean> {
        try {
          const text = textOf(await condition.run(context.evaluation));
          return text !== "" && !/^(?:0|no|false)$/i.test(text);
        } catch (err) {
          const text = failureText(err);
          if (text === undefined) throw err;
          if (!(err instanceof ForcedFailure)) problems.push(`delay_warning_condition cannot be expanded: ${text}`);
          return false;
        }
      }
    },
  };
}

const UNWANTED = {
  isWanted: false,
  wording: { from: "", charset: "us-ascii", givesDetails: false },
  copies: [],
} as const;
