import { type Eventual, then } from "../../expansion/code.ts";
import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import type { AddressVerdict, VerifyAddressRequest } from "../verify-address.ts";
import { type AddressOptions, readAddressOptions } from "./address-options.ts";
import { mailboxesIn } from "./header.ts";
import type { Verification } from "./verification.ts";

/** `recipient`: somebody here, or a host elsewhere, takes mail for it. */
export const recipient: Verification = (run, { options }) => {
  const read = withoutMailFrom(readAddressOptions(options));
  const { session } = run;
  if (session.recipient === undefined) throw new ExpansionFailure("verify = recipient without a recipient");
  return then(ask(run, "recipient", session.recipient.address, read), (verdict) => {
    const { found } = session.message;
    found.set("recipient_verify_failure", verdict.result === "good" ? "" : (verdict.failure ?? "route"));
    found.set("address_data", verdict.addressData ?? "");
    if (verdict.result === "good") return "yes";
    run.message = verdict.text;
    run.log = verdict.log ?? (verdict.text === undefined ? undefined : textOf(verdict.text));
    run.hasDetails ||= verdict.isTextForClient === true;
    session.verifyMessage = verdict.text;
    return toleratedOr(verdict, read, run);
  });
};

/** `sender`, `sender=address`: a bounce to it would find its way. */
export const sender: Verification = (run, { argument, options }) => {
  const read = withoutMailFrom(readAddressOptions(options));
  if (read.callout?.sender !== undefined) {
    throw new ExpansionFailure("use_sender or use_postmaster cannot be used for a sender verify callout");
  }
  const { message } = run.session;
  const address = argument ?? message.returnPath ?? "";
  if (address === "") return "yes";
  const key = `${address}\0${read.isGoodWhenRedirected}`;
  // With a callout, the answer may be another for each recipient.
  const known = read.callout === undefined ? message.senderVerdicts.get(key) : undefined;
  // Whether details are told is up to whoever asks first.
  if (known === undefined && read.hidesDetails) message.toldSenders.add(address);
  return then(known ?? ask(run, "sender", address, read), (verdict) => {
    if (read.callout === undefined && message.senderVerdicts.size < MAX_VERDICTS)
      message.senderVerdicts.set(key, verdict);
    message.found.set("sender_verify_failure", verdict.result === "good" ? "" : (verdict.failure ?? "route"));
    message.found.set("sender_address_data", verdict.addressData ?? "");
    if (verdict.result === "good") return "yes";
    const said = toleratedOr(verdict, read, run);
    if (said !== "yes") failedSender(run, address, verdict);
    return said;
  });
};

const MAX_VERDICTS = 100;

/** A bounce to the sender has none itself, and what a recipient's host is asked with is `use_sender`. */
function withoutMailFrom(read: AddressOptions): AddressOptions {
  if (read.callout?.mailFrom === undefined) return read;
  throw new ExpansionFailure('"mailfrom" is allowed as a callout option only for verify=header_sender');
}

/** What is said of the refusal of a recipient because of the sender; why, is told once for each sender, with the first one. */
function failedSender(run: AclRun, address: string, verdict: AddressVerdict): void {
  const { result, heading, isTextForClient = false } = verdict;
  const words = verdict.text === undefined ? undefined : textOf(verdict.text);
  const ofCallout = isTextForClient && isOfCallout(verdict) ? words : undefined;
  const text = result === "bad" ? "Sender verify failed" : (ofCallout ?? "Could not complete sender verify");
  run.message = text;
  run.log = text;
  run.hasDetails ||= ofCallout !== undefined;
  run.session.verifyMessage = text;
  run.senderFailure = { address, heading, text: words, log: verdict.log ?? words };
}

/** `header_sender`: a bounce to an address in Sender, Reply-To or From would find its way. */
export const headerSender: Verification = async (run, { options }) => {
  const read = readAddressOptions(options);
  const { content } = run.session.message;
  if (content === undefined) return "yes";
  let said: Said = "no";
  let count = 0;
  for await (const { address } of mailboxesIn(content, ["sender", "reply-to", "from"], run.evaluation)) {
    if (address === "") continue;
    if (++count > MAX_HEADER_ADDRESSES) break;
    const verdict = await ask(run, "sender", address, read);
    if (verdict.result === "good") return "yes";
    if (toleratedOr(verdict, read, run) === "yes") return "yes";
    if (verdict.result === "unknown") said = "defer";
  }
  run.log =
    said === "defer"
      ? "all attempts to verify a sender in a header line deferred"
      : "there is no valid sender in any header line";
  return said;
};

/** A header may be a megabyte of addresses; each costs a routing. */
const MAX_HEADER_ADDRESSES = 20;

function ask(
  { session }: AclRun,
  kind: "recipient" | "sender",
  address: string,
  { isGoodWhenRedirected, callout, quota }: AddressOptions,
): Eventual<AddressVerdict> {
  const { verifyAddress } = session.hooks;
  if (verifyAddress === undefined) throw new ExpansionDefer(`verify = ${kind}: routing is not available here`);
  const request: VerifyAddressRequest = { kind, address, isGoodWhenRedirected, callout, quota };
  return verifyAddress(request);
}

function toleratedOr(
  { result, failure }: AddressVerdict,
  { toleratesDefer, callout }: AddressOptions,
  run: AclRun,
): Said {
  run.note = result === "good" ? undefined : (failure ?? "route");
  if (result === "bad") return "no";
  return toleratesDefer || (callout?.toleratesDefer === true && isOfCallout({ failure })) ? "yes" : "defer";
}

const isOfCallout = ({ failure }: { readonly failure?: string | undefined }): boolean =>
  failure === "mail" || failure === "recipient" || failure === "postmaster";
