import type { RequestReply } from "@postbus/bus";
import { QuotaAnswer, type QuotaRequest, quotaSubject } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { type AddressVerdict, carriedValues } from "@postbus/policy";
import type { Delivery } from "@postbus/routing";
import { Compile } from "typebox/compile";

const answers = Compile(QuotaAnswer);

/** A look at a directory of many files takes its time; a client waits for as long. */
const TIMEOUT_MS = 30_000;
/** Exim's words, for the log and, as a failure, for `$recipient_verify_failure`. */
const UNKNOWN = "Could not complete recipient verify callout";
const FULL = "Over quota";

/**
 * Asks delivery, which has the mailboxes, whether there is room in one (Exim's manual, "verify = recipient", `quota`).
 *
 * @param size Octets that the client has announced.
 */
export async function askQuota(
  { address, transport = "", variables, user, group }: Delivery,
  size: number,
  bus: Pick<RequestReply, "request">,
): Promise<AddressVerdict> {
  const question: QuotaRequest = {
    v: 1,
    address,
    size: Math.max(0, size),
    transport,
    variables: carriedValues(variables) ?? {},
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
  };
  const { result, text } = await answered(question, bus);
  switch (result) {
    case "good":
      return { result: "good" };
    case "full":
      return { result: "bad", failure: "quota", log: FULL };
    case "unknown":
      return {
        result: "unknown",
        failure: "quota",
        text: UNKNOWN,
        log: text === undefined ? UNKNOWN : `${UNKNOWN}: ${text}`,
      };
    default:
      throw new Error(`unhandled answer: ${JSON.stringify(result satisfies never)}`);
  }
}

async function answered(question: QuotaRequest, bus: Pick<RequestReply, "request">): Promise<QuotaAnswer> {
  try {
    const answer = await bus.request(quotaSubject, question, { timeoutMs: TIMEOUT_MS });
    if (answers.Check(answer)) return answer;
    return { v: 1, result: "unknown", text: "the answer does not fit its contract" };
  } catch (err) {
    if (err instanceof DeferError) return { v: 1, result: "unknown", text: err.message };
    throw err;
  }
}
