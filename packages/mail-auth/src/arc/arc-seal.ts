import type { SignedHeader } from "../canonical/signed-header.ts";
import { withoutSignature } from "../canonical/without-signature.ts";
import type { KeyRecords } from "../dkim/key-records.ts";
import { keyedVerification } from "../dkim/keyed-verification.ts";
import { withoutBlanks } from "../dkim/strict-tags.ts";
import { type ArcSet, stateOf } from "./arc-chain.ts";
import { ALGORITHMS } from "./message-signature.ts";

/** Whether the last of these seals holds, which is over all of the sets (RFC 8617 §5.1.1); if not, why. */
export async function verifyArcSeal(
  sets: readonly ArcSet[],
  header: SignedHeader,
  keys: KeyRecords,
): Promise<true | string> {
  const seal = sets.at(-1)?.seal;
  if (seal === undefined) return "required tag missing";
  if (stateOf(seal) !== (sets.length === 1 ? "none" : "pass")) return "seal cv state";
  const plain = (name: string): string => withoutBlanks(seal.tags.get(name) ?? "");
  const [domain, selector, signature] = [plain("d"), plain("s"), plain("b")];
  if (domain === "" || selector === "" || signature === "") return "required tag missing";
  // It signs no list of fields; one that says so is another thing (RFC 8617 §4.1.3).
  if (seal.tags.has("h")) return "seal setup error";
  if (seal.tags.has("t") && !/^[0-9]{1,15}$/.test(plain("t"))) return "seal setup error";
  const algorithm = ALGORITHMS.get(plain("a").toLowerCase());
  if (algorithm === undefined) return "seal hash setup error";
  const verified = await keyedVerification(
    { domain, selector, algorithm, signature: Buffer.from(signature, "base64") },
    sealedText(sets, header),
    keys,
  );
  if (verified === true) return true;
  return verified === "" ? "seal sigverify error" : `seal pubkey problem (${verified})`;
}

/** The sets in their order, each as results, message signature and seal; of the last seal, not the signature. */
function sealedText(sets: readonly ArcSet[], header: SignedHeader): string {
  let text = "";
  for (const [i, { results, message, seal }] of sets.entries()) {
    if (results !== undefined) text += header.canonical(results.field, "relaxed");
    if (message !== undefined) text += header.canonical(message.field, "relaxed");
    if (seal === undefined) continue;
    const isLast = i === sets.length - 1;
    text += isLast
      ? header.canonicalOf(withoutSignature(header.text(seal.field)), "relaxed")
      : header.canonical(seal.field, "relaxed");
  }
  return text;
}
