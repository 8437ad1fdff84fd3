import { DeferError } from "@postbus/mail";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { lowerCase } from "../../expansion/operators/case.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclAnswer } from "../answer.ts";
import type { SmtpAcls } from "../smtp/smtp-acls.ts";
import type { Signature } from "./signature.ts";
import { setNoSignature, setSignatureVariables } from "./signature-variables.ts";

export interface DkimStage {
  readonly configuration: Pick<Configuration, "main">;
  /**
   * All signatures of the message, from the top, as the policy takes them (`dkimLimits`). Asked only of a message that has a DKIM-Signature field.
   *
   * @throws {DeferError} it is not known what they are worth.
   */
  signatures(): Promise<readonly Signature[]>;
  /** What each ACL says. */
  trace?(answer: AclAnswer): void;
}

/** Signers that the ACL is asked about: a policy may name as many as it likes, but a message must not. */
const MAX_SIGNERS = 100;

/**
 * Asks `acl_smtp_dkim` about each signer of `dkim_verify_signers`, once for each of its signatures, and once if it has none
 * (Exim's manual, "Verifying DKIM signatures in incoming mail"). Behind `content`.
 *
 * @returns the answer that refuses the message, or throws it away; undefined: there is none.
 * @throws {DeferError} it cannot be said now who has signed, or whom to ask about.
 */
export async function runDkimStage(acls: SmtpAcls, stage: DkimStage): Promise<AclAnswer | undefined> {
  const { message } = acls.session;
  if (!acls.has("dkim") || message.controls.isDkimOff === true || message.recipients.length === 0) return undefined;
  const { main } = stage.configuration;
  const { found } = message;
  const isSigned = (message.content?.headers.occurrences("dkim-signature").length ?? 0) > 0;
  const signatures = isSigned ? await stage.signatures() : [];
  message.signatures = signatures;
  found.set("dkim_signers", signersOf(signatures));
  const results: string[] = [];
  let refusal: AclAnswer | undefined;

  const text = (name: string): string => {
    const value = found.get(name) ?? "";
    return typeof value === "object" ? textOf(value) : String(value);
  };
  const ask = async (signature?: Signature): Promise<boolean> => {
    const answer = await acls.part("dkim");
    stage.trace?.(answer);
    const status = text("dkim_verify_status");
    const reason = text("dkim_verify_reason");
    results.push(status);
    if (signature !== undefined && (status !== signature.status || reason !== signature.reason)) {
      message.overriddenSignatures ??= new Map();
      message.overriddenSignatures.set(signature, { status, reason });
    }
    if (answer.verdict !== "accept") refusal = answer;
    return refusal === undefined;
  };

  for (const signer of await namedSigners(acls, main.get("dkim_verify_signers"))) {
    const own = signatures.filter((signature) => isOf(signer, signature));
    found.set("dkim_cur_signer", signer);
    if (own.length === 0) setNoSignature(found);
    if (own.length === 0 && !(await ask())) break;
    for (const signature of own) {
      setSignatureVariables(signature, found);
      if (!(await ask(signature))) break;
    }
    if (refusal !== undefined) break;
  }
  if (results.length > 0) found.set("dkim_verify_status", results.join(":"));
  return refusal;
}

/** Domains and identities, in the order of the signatures. */
const signersOf = (signatures: readonly Signature[]): string =>
  signatures
    .flatMap(({ domain, identity }) => (identity === undefined ? [domain] : [domain, identity]))
    .map((signer) => signer.replaceAll(":", "::"))
    .join(":");

function isOf(signer: string, { domain, identity }: Signature): boolean {
  const own = signer.includes("@") ? identity : domain;
  return own !== undefined && lowerCase(own) === lowerCase(signer);
}

async function namedSigners(acls: SmtpAcls, option: string): Promise<ReadonlySet<string>> {
  let list: Value;
  try {
    list = await compileExpansion(option).run(acls.session.evaluation);
  } catch (error) {
    if (error instanceof ForcedFailure) return new Set();
    const reason = failureText(error);
    if (reason === undefined) throw error;
    // Exim logs it, and takes the message without having asked.
    throw new DeferError("policy", `expansion of dkim_verify_signers option failed: ${reason}`);
  }
  const signers = new Set([...splitList(textOf(list), typeof list === "string").items].filter((item) => item !== ""));
  if (signers.size > MAX_SIGNERS)
    throw new DeferError("policy", `more than ${MAX_SIGNERS} signers in dkim_verify_signers`);
  return signers;
}
