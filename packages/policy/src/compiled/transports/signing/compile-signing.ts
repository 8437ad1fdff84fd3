import { DeferError } from "@postbus/mail";
import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Variables } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../../expansion/failures.ts";
import { textOf } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import { SIGNED_FIELDS } from "../../../options/transports/signed-fields.ts";
import type { smtpTransport } from "../../../options/transports/smtp.ts";
import type { OptionSet } from "../../../reader/option-set.ts";
import { sealingId } from "../../authserv-ids.ts";
import type { SiteNames } from "../local/site-names.ts";
import { arcSigning } from "./arc-signing.ts";
import { type DkimOptions, dkimSignings } from "./dkim-signings.ts";
import type { MessageSigning } from "./message-signing.ts";

type Options = Pick<OptionSet<typeof smtpTransport.options>, "get">;

/** `dkim_…` and `arc_sign` of a transport. */
export interface CompiledSigning {
  /** Those that may name variables; empty: they are the same for every message. */
  readonly sources: readonly string[];
  /**
   * As they are for one message.
   *
   * @throws {DeferError} `arc_sign` cannot be expanded.
   */
  at(variables: Variables): Promise<MessageSigning>;
}

/** What Exim seals: what it signs, and the signatures. */
const SEALED_FIELDS = [...SIGNED_FIELDS, "DKIM-Signature"];

/** @returns undefined: nothing is signed. */
export function compileSigning(
  options: Options,
  shared: SharedSurroundings,
  names: SiteNames,
): CompiledSigning | undefined {
  const expansion = (text: string | undefined): Expansion | undefined =>
    text === undefined || text === "" ? undefined : compileExpansion(text);
  const dkim = dkimOptions(options, expansion);
  const arc = expansion(options.get("arc_sign"));
  if (dkim === undefined && arc === undefined) return undefined;
  const isKnownName =
    sealingId(options.get("arc_sign"), { ...names, primaryHostname: shared.settings.primaryHostname }) !== undefined;
  const all = [...Object.values(dkim ?? {}), arc].filter((one) => one !== undefined);
  const sources = all.filter(({ constant }) => constant === undefined).map(({ source }) => source);
  const at = async (variables: Variables): Promise<MessageSigning> => {
    const signed = dkim && (await dkimSignings(dkim, variables, shared));
    const sealed = arc && arcSigning(await expandedArc(arc, variables, shared), SEALED_FIELDS, isKnownName);
    const notes = [...(signed?.notes ?? []), ...(typeof sealed === "string" ? [sealed] : [])];
    const strict = dkim?.dkim_strict && (await expandedStrict(dkim.dkim_strict, variables, shared));
    return {
      dkim: signed?.dkim ?? [],
      isStrict: strict === "1" || strict === "true",
      dkimProblems: signed?.problems ?? [],
      arc: typeof sealed === "string" ? undefined : sealed,
      notes,
    };
  };
  if (sources.length > 0) return { sources, at };
  let same: Promise<MessageSigning> | undefined;
  return {
    sources,
    at(variables) {
      same ??= at(variables);
      return same;
    },
  };
}

/** Without a domain, a selector and a key nothing is signed, as in Exim. */
function dkimOptions(
  options: Options,
  expansion: (text: string | undefined) => Expansion | undefined,
): DkimOptions | undefined {
  const domain = expansion(options.get("dkim_domain"));
  const selector = expansion(options.get("dkim_selector"));
  const key = expansion(options.get("dkim_private_key"));
  if (domain === undefined || selector === undefined || key === undefined) return undefined;
  const timestamps = options.get("dkim_timestamps");
  return {
    dkim_domain: domain,
    dkim_selector: selector,
    dkim_private_key: key,
    dkim_canon: compileExpansion(options.get("dkim_canon")),
    dkim_hash: compileExpansion(options.get("dkim_hash")),
    dkim_identity: expansion(options.get("dkim_identity")),
    dkim_sign_headers: compileExpansion(options.get("dkim_sign_headers")),
    dkim_timestamps: timestamps === undefined ? undefined : expansion(String(timestamps)),
    dkim_strict: expansion(options.get("dkim_strict")),
  };
}

/** If it cannot be said, it is not. */
async function expandedStrict(expansion: Expansion, variables: Variables, shared: SharedSurroundings): Promise<string> {
  try {
    return textOf(await expansion.run(createEvaluation({ ...shared, variables })))
      .trim()
      .toLowerCase();
  } catch (err) {
    if (failureText(err) === undefined && !(err instanceof ForcedFailure)) throw err;
    return "";
  }
}

async function expandedArc(expansion: Expansion, variables: Variables, shared: SharedSurroundings) {
  try {
    return await expansion.run(createEvaluation({ ...shared, variables }));
  } catch (err) {
    if (err instanceof ForcedFailure) return "";
    const text = failureText(err);
    if (text === undefined) throw err;
    throw new DeferError("smtp", `failed to expand arc_sign: ${text}`, { cause: err });
  }
}
