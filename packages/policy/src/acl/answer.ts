import type { Reply } from "@postbus/mail";
import { textOf } from "../expansion/value.ts";
import type { AclStage } from "../options/acl/stage.ts";
import type { AclRun, SenderFailure } from "./acl-run.ts";
import type { DecisionRecord } from "./decision-record.ts";
import type { LogTarget } from "./hooks.ts";
import { messageLines } from "./message-lines.ts";
import { messageReply } from "./message-reply.ts";
import type { Outcome } from "./outcome.ts";
import { stageNames } from "./stage-names.ts";

/** What an ACL means for the session. */
export interface AclAnswer {
  /** `drop`: refused, and the connection is closed behind the reply. `discard`: accepted, and thrown away. */
  readonly verdict: "accept" | "discard" | "refuse" | "drop";
  /** Undefined: accepted with the usual words. */
  readonly reply: Reply | undefined;
  readonly isTemporary: boolean;
  /** Of the reply's lines, so many at its end are the refusal; before them stand details. Undefined: all. */
  readonly ownLines?: number;
  /** Behind `rejected RCPT <…>`; undefined: there is nothing to add. */
  readonly log: string | undefined;
  /** Where the refusal is to be logged; undefined: in the usual logs. */
  readonly logTargets: readonly LogTarget[] | undefined;
  readonly record: DecisionRecord;
}

/** Codes that a refusal has where it is not 550. */
const REFUSAL: Readonly<Partial<Record<AclStage, number>>> = { auth: 503, etrn: 458, vrfy: 252 };
/** Codes that a success has where it is not 250. */
const SUCCESS: Readonly<Partial<Record<AclStage, number>>> = { connect: 220, predata: 354, quit: 221, auth: 235 };

const PROHIBITED = "Administrative prohibition";
const LATER: Reply = { code: 451, lines: ["Temporary local problem - please try later"] };

/** The answer to a run that has ended. */
export function answerOf(outcome: Outcome, run: AclRun): AclAnswer {
  const whole = wholeAnswer(outcome, run);
  // A code that the reply has not is known only now.
  const answer = whole.log === run.log ? whole : { ...whole, log: run.log };
  const { reply, ownLines = 0 } = answer;
  // The greeting has its lines in any case, as with Exim.
  const isSingle = run.session.connection.controls.isMultilineOff === true && run.stage !== "connect";
  if (!isSingle || reply === undefined || reply.lines.length === 1) return answer;
  const first = reply.lines.at(-ownLines) ?? reply.lines[0];
  return { ...answer, reply: { ...reply, lines: [first] }, ownLines: 1 };
}

function wholeAnswer(given: Outcome, run: AclRun): AclAnswer {
  const outcome = allowed(given, run);
  const { stage, records: statements, session } = run;
  const record: DecisionRecord = { stage, verdict: outcome, statements, log: run.log };
  const common = { log: run.log, logTargets: session.rejectTargets, record };
  const text = run.message === undefined ? undefined : textOf(run.message);
  if (outcome === "error" && (stage === "quit" || stage === "notquit")) {
    const name = stage === "quit" ? "QUIT" : "not-QUIT";
    // There is nothing that it could refuse: whoever keeps the policy has to hear of it.
    session.log(["main", "panic"], `ACL for ${name} returned ERROR: ${run.log ?? ""}`);
  }
  if (stage === "quit") {
    // The client goes in any case; what is said to it may be anything.
    const lastWords: Reply | undefined = text === undefined ? undefined : { code: 221, lines: messageLines(text) };
    return { ...common, verdict: "accept", reply: lastWords, isTemporary: false };
  }
  if (stage === "data_prdr") return recipientAnswer(outcome, text, common, run);
  switch (outcome) {
    case "yes":
    case "discard": {
      const verdict = outcome === "yes" ? "accept" : "discard";
      const code = SUCCESS[stage] ?? 250;
      return { ...common, verdict, reply: text === undefined ? undefined : made(text, code, run), isTemporary: false };
    }
    case "no":
    case "drop": {
      const verdict = outcome === "no" ? "refuse" : "drop";
      const answer = made(text ?? PROHIBITED, REFUSAL[stage] ?? 550, run);
      const whole = withSenderDetails(answer, run);
      return { ...common, verdict, reply: whole, ownLines: answer.lines.length, isTemporary: false };
    }
    case "defer":
    case "error": {
      noteSender(run, "defer");
      // As in Exim, a code in front of the text counts even where the text is not for the client.
      const own: Reply = text === undefined ? LATER : made(text, 451, run);
      if (!run.hasDetails) {
        return { ...common, verdict: "refuse", reply: { ...own, lines: LATER.lines }, isTemporary: true };
      }
      const why = session.names.returnsErrorDetails ? run.senderFailure?.log : undefined;
      const lines: Reply["lines"] = why === undefined ? own.lines : [...messageLines(why), ...own.lines];
      return {
        ...common,
        verdict: "refuse",
        reply: { ...own, lines },
        ownLines: own.lines.length,
        isTemporary: true,
      };
    }
    default:
      throw new Error(`unhandled outcome: ${JSON.stringify(outcome satisfies never)}`);
  }
}

/**
 * One recipient's answer to the content (PRDR). As in Exim, what goes wrong in the ACL is a refusal here, `drop` ends no
 * session, and the text is for the client in any case.
 */
function recipientAnswer(
  outcome: Outcome,
  text: string | undefined,
  common: Pick<AclAnswer, "log" | "logTargets" | "record">,
  run: AclRun,
): AclAnswer {
  const isAccepted = outcome === "yes" || outcome === "discard";
  const isTemporary = outcome === "defer";
  const code = isAccepted ? 250 : isTemporary ? 450 : 550;
  const verdict = outcome === "discard" ? "discard" : isAccepted ? "accept" : "refuse";
  return { ...common, verdict, isTemporary, reply: text === undefined ? undefined : made(text, code, run) };
}

/** `discard` throws messages away, so there must be one. */
function allowed(outcome: Outcome, run: AclRun): Outcome {
  if (outcome === "discard" && !DISCARDING.has(run.stage)) {
    run.log = `"discard" verb not allowed in ${stageNames[run.stage]} ACL`;
    run.session.log(["main", "panic"], run.log);
    return "error";
  }
  if (outcome === "drop" && run.stage === "mailauth") {
    run.log = `"drop" verb not allowed in ${stageNames[run.stage]} ACL`;
    run.session.log(["main", "panic"], run.log);
    return "error";
  }
  return outcome;
}

const DISCARDING: ReadonlySet<AclStage> = new Set([
  "mail",
  "rcpt",
  "dkim",
  "mime",
  "data_prdr",
  "data",
  "not_smtp",
  "not_smtp_mime",
]);

function made(text: string, code: number, run: AclRun): Reply {
  // The usual refusal of VRFY is a 252, but a policy may well say 550.
  if (run.stage === "vrfy") return messageReply(text, code, undefined);
  return messageReply(text, code, () => {
    run.log = withCode(run.log, text, code);
    run.session.log(
      ["main", "panic"],
      `configured error code starts with incorrect digit (expected ${String(code).charAt(0)}) in "${text}"`,
    );
  });
}

/** What the log says is what the client is told: with the code that the reply has. */
const withCode = (log: string | undefined, text: string, code: number): string | undefined =>
  log === text ? `${code}${text.slice(3)}` : log;

/** The first refusal because of a sender says what is wrong with it. */
function withSenderDetails(answer: Reply, run: AclRun): Reply {
  const failure = noteSender(run, "fail");
  if (failure === undefined) return answer;
  const { heading = `Verification failed for <${failure.address}>`, text = "" } = failure;
  const lines: [string, ...string[]] = [heading, ...text.split("\n")];
  return { ...answer, lines: [...lines, ...answer.lines] };
}

function noteSender({ senderFailure, session }: AclRun, what: "fail" | "defer"): SenderFailure | undefined {
  if (senderFailure === undefined) return undefined;
  const { address, text, log } = senderFailure;
  const { toldSenders } = session.message;
  if (toldSenders.has(address)) return undefined;
  if (toldSenders.size < MAX_TOLD) toldSenders.add(address);
  const line = `sender verify ${what} for <${address}>${log === undefined ? "" : `: ${log}`}`;
  session.log(session.rejectTargets ?? ["main", "reject"], line, { selector: "sender_verify_fail", isOfClient: true });
  return what === "fail" && text !== undefined ? senderFailure : undefined;
}

/** Addresses of `verify = sender=…` may come out of recipients. */
const MAX_TOLD = 100;
