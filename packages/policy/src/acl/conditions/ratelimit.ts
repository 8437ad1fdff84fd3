import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclStage } from "../../options/acl/stage.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import { messageStages, stageNames } from "../stage-names.ts";
import { readTest } from "../test.ts";
import { type RateLimit, type RateMeasure, type RateUpdate, readRateLimit } from "./rate-limit.ts";

/** `ratelimit = limit / period / options / key`: whether so much comes that it is too much. */
export const ratelimit = readTest<RateLimit>(
  (value) => readRateLimit(textOf(value)),
  (wanted, run) => {
    const { message, connection, hooks } = run.session;
    const { measure, limit, periodSeconds, periodText, limitText } = wanted;
    const isKnown = wanted.isUsual || makesSense(measure, run.stage);
    const update = wanted.update ?? (isKnown ? "leaky" : "readonly");
    if (update !== "readonly" && !isKnown) {
      throw new ExpansionFailure(
        `error in arguments to "ratelimit" condition: "${measure}" may not be used in ${stageNames[run.stage]} ACL`,
      );
    }
    message.found.set("sender_rate_limit", limitText);
    message.found.set("sender_rate_period", periodText);
    const unique = wanted.unique ?? (measure === "per_addr" ? recipientName(run) : undefined);
    const measured = measure === "per_addr" ? "per_rcpt" : measure;
    const ofWhat = wanted.key ?? connection.client.address;
    const key = `${periodText}/${measured}/${unique === undefined ? "" : "unique/"}${ofWhat}`;
    const kept = keptRates(measured, update, run);
    const known = kept.get(key);
    if (known !== undefined) return compared(known, limit, run);
    const { rates } = hooks;
    if (rates === undefined) throw new ExpansionDefer("ratelimit: no store is set up");
    const count = wanted.count ?? countOf(measured, run);
    const request = { key, periodSeconds, limit, count, update, ...(unique === undefined ? {} : { unique }) };
    return rates.rate(request).then((rate) => {
      if (kept.size < MAX_KEPT) kept.set(key, rate);
      return compared(rate, limit, run);
    });
  },
);

/** Results kept for one message or connection: keys may hold a peer's words. */
const MAX_KEPT = 1_000;

function compared(rate: number, limit: number, run: AclRun): Said {
  const text = rate.toFixed(1);
  run.session.message.found.set("sender_rate", text);
  run.note = `rate ${text}`;
  return rate >= limit ? "yes" : "no";
}

/** Where the measure's unit is known: elsewhere it can be looked at only. */
function makesSense(measure: RateMeasure, stage: AclStage): boolean {
  switch (measure) {
    case "per_mail":
    case "per_byte":
      return messageStages.has(stage);
    case "per_rcpt":
      return messageStages.has(stage) && stage !== "mail";
    case "per_addr":
      return stage === "rcpt";
    case "per_conn":
      return !stage.startsWith("not_smtp");
    case "per_cmd":
      return true;
    default:
      throw new Error(`unhandled measure: ${JSON.stringify(measure satisfies never)}`);
  }
}

/** One event is counted once, however often the policy asks: results are kept as long as their unit lasts. */
function keptRates(measure: RateMeasure, update: RateUpdate, { session, stage }: AclRun): Map<string, number> {
  if (update === "readonly") return session.commandRates;
  if (measure === "per_conn") return session.connection.rates;
  const isOfMessage = measure === "per_mail" || measure === "per_byte" || (measure === "per_rcpt" && stage !== "rcpt");
  return isOfMessage ? session.message.rates : session.commandRates;
}

function countOf(measure: RateMeasure, { session, stage }: AclRun): number {
  const { message } = session;
  if (measure === "per_byte") return Math.max(message.size ?? 0, 0);
  if (measure === "per_rcpt" && stage !== "rcpt") return message.recipients.length;
  return 1;
}

/** Elsewhere than at RCPT it is looked at only, whatever the recipient. */
const recipientName = ({ session }: AclRun): string =>
  session.recipient === undefined ? "*" : `${session.localPart}@${session.recipient.domain}`;
