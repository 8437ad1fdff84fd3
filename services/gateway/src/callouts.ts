import type { RequestReply } from "@postbus/bus";
import { CalloutAnswer, type CalloutRequest, calloutSubject } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { AddressVerdict, CalloutOptions, Policy, SmtpAcls, VerifyAddressRequest } from "@postbus/policy";
import type { Delivery } from "@postbus/routing";
import { Compile } from "typebox/compile";
import { transportSender } from "./transport-sender.ts";

const answers = Compile(CalloutAnswer);

/** Exim's default, for each reply; four times that for all of them. */
const TIMEOUT_MS = 30_000;
/** On top of the time that delivery has for its hosts. */
const BUS_MS = 2_000;

/** What a callout is made under. */
export interface CalloutContext {
  readonly bus: Pick<RequestReply, "request">;
  readonly policy: Pick<Policy, "configuration" | "qualifyDomain" | "transport" | "events">;
  readonly acls: Pick<SmtpAcls, "session" | "text">;
}

/**
 * Asks the host that would take mail for an address whether it would (Exim's manual, "Callout verification").
 *
 * @param delivery Where routing sends it. What is delivered here needs nobody to be asked.
 */
export async function callOut(
  request: VerifyAddressRequest,
  options: CalloutOptions,
  delivery: Delivery,
  context: CalloutContext,
): Promise<AddressVerdict> {
  const question = await questionOf(request, options, delivery, context);
  const answer = await ask(question, context.bus);
  if (answer.result === "good") return { result: "good" };
  return request.kind === "recipient" ? ofRecipient(answer) : ofSender(answer, request.address);
}

async function questionOf(
  { kind }: VerifyAddressRequest,
  options: CalloutOptions,
  delivery: Delivery,
  { policy, acls }: CalloutContext,
): Promise<CalloutRequest> {
  const { address, transport = "", hosts } = delivery;
  const isOfTransport = kind === "recipient" && options.usesTransportSender && options.sender === undefined;
  const { main } = policy.configuration;
  const { timeoutMs = TIMEOUT_MS } = options;
  const { connectTimeoutMs = timeoutMs, maxWaitMs = 4 * timeoutMs, postmasterMailFrom = "" } = options;
  return {
    v: 1,
    address,
    mailFrom: isOfTransport
      ? await transportSender(delivery, policy, acls)
      : mailFrom(kind, options, policy.qualifyDomain, acls),
    transport,
    ...(hosts === undefined
      ? {}
      : {
          hosts: hosts.map(({ name, port }) =>
            port === undefined ? name : `[${name.replace(/^\[|\]$/g, "")}]:${port}`,
          ),
          hostAddresses: hosts.map((host) => host.address ?? ""),
        }),
    connectTimeoutMs: Math.max(connectTimeoutMs, 1),
    timeoutMs: Math.max(timeoutMs, 1),
    maxWaitMs: Math.max(maxWaitMs, 1),
    ...(options.isRandomTested ? await randomName(main.get("callout_random_local_part"), acls) : {}),
    postmaster: options.postmaster,
    postmasterMailFrom,
    ...((policy.events.ofTransport(transport) ?? policy.events.main) === undefined
      ? {}
      : { session: sessionOf(kind, acls.session) }),
    ...(options.usesCache
      ? {
          keeps: {
            goodAddress: main.get("callout_positive_expire"),
            badAddress: main.get("callout_negative_expire"),
            goodDomain: main.get("callout_domain_positive_expire"),
            badDomain: main.get("callout_domain_negative_expire"),
          },
        }
      : {}),
  };
}

const sessionOf = (verifies: VerifyAddressRequest["kind"], { connection, message }: SmtpAcls["session"]) => ({
  verifies,
  returnPath: message.returnPath ?? "",
  clientAddress: connection.client.address,
});

/** One that cannot be expanded, or is nothing, is not asked about. */
async function randomName(
  source: string,
  acls: Pick<SmtpAcls, "text">,
): Promise<Pick<CalloutRequest, "randomLocalPart">> {
  const name = await acls.text(source);
  return /^[!-~]{1,64}$/.test(name) ? { randomLocalPart: name } : {};
}

function mailFrom(
  kind: VerifyAddressRequest["kind"],
  { sender, mailFrom: given = "" }: CalloutOptions,
  qualifyDomain: string,
  { session }: Pick<SmtpAcls, "session">,
): string {
  if (kind === "sender") return given;
  if (sender === "sender") return session.message.returnPath ?? "";
  return sender === "postmaster" ? `postmaster@${qualifyDomain}` : "";
}

async function ask(question: CalloutRequest, bus: CalloutContext["bus"]): Promise<CalloutAnswer> {
  const { maxWaitMs } = question;
  try {
    const answer = await bus.request(calloutSubject, question, { timeoutMs: maxWaitMs + BUS_MS });
    if (answers.Check(answer)) return answer;
    return { v: 1, result: "unknown", failure: "mail", text: "the answer does not fit its contract" };
  } catch (err) {
    if (err instanceof DeferError) return { v: 1, result: "unknown", failure: "mail", text: err.message };
    throw err;
  }
}

/** Exim's words for the host and what it has said. */
const logged = ({ host, hostAddress, text = "" }: CalloutAnswer): string =>
  host === undefined ? text : `${host} [${hostAddress}] : ${text}`;

function ofRecipient(answer: CalloutAnswer): AddressVerdict {
  const { result, failure = "recipient", response, text = "" } = answer;
  if (result === "bad") {
    return { result, failure, text: `Callout verification failed:\n${response ?? text}`, log: logged(answer) };
  }
  const problem = "Could not complete recipient verify callout";
  return { result, failure, text: problem, log: `${problem}: ${logged(answer)}`, isTextForClient: true };
}

function ofSender(answer: CalloutAnswer, address: string): AddressVerdict {
  const { result, failure = "recipient", response = "", host = "", sent = "" } = answer;
  if (result === "bad") {
    const { heading, remark } = SENDERS[failure];
    const called = [`Called:   ${host}`, `Sent:     ${sent}`, `Response: ${response}`];
    return {
      result,
      failure,
      heading: `${heading} <${address}>`,
      text: [...called, ...remark].join("\n"),
      log: logged(answer),
    };
  }
  const problem = "Could not complete sender verify callout";
  return { result, failure, text: problem, log: `${problem}: ${logged(answer)}`, isTextForClient: true };
}

/** What the operator of the sender's domain should know. */
const SENDERS: Readonly<Record<NonNullable<CalloutAnswer["failure"]>, { heading: string; remark: readonly string[] }>> =
  {
    recipient: { heading: "Verification failed for", remark: [] },
    mail: {
      heading: "Callback setup failed while verifying",
      remark: [
        "Your host would not begin a transaction with us. A host that refuses MAIL FROM:<>",
        "cannot be sent reports of mail that was not delivered (RFC 5321 section 4.5.5),",
        "and its mail is not taken here.",
      ],
    },
    postmaster: {
      heading: "Postmaster verification failed while checking",
      remark: [
        "RFC 5321 section 4.5.1 wants every domain that takes mail to have a postmaster;",
        "mail from domains without one is not taken here.",
      ],
    },
  };
