import { splitList } from "../../matching/split-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { Signature } from "./signature.ts";

/**
 * The signatures as the policy takes them: `dkim_verify_hashes` and `dkim_verify_keytypes` say which are signatures at all,
 * `dkim_verify_min_keysizes` which keys are too short, and with `dkim_verify_minimal` none is verified behind the first
 * that holds.
 */
export function acceptedSignatures(
  { main }: Pick<Configuration, "main">,
  signatures: readonly Signature[],
): readonly Signature[] {
  const hashes = new Set(splitList(main.get("dkim_verify_hashes")).items);
  const keyTypes = new Set(splitList(main.get("dkim_verify_keytypes")).items);
  const sizes = leastSizes(main.get("dkim_verify_min_keysizes"));
  const accepted = signatures.flatMap((signature) => {
    const [keyType = "", hash = ""] = signature.algorithm.split("-");
    if (!hashes.has(hash) || !keyTypes.has(keyType)) return [];
    const length = signature.key?.length;
    const isShort = length !== undefined && length < (sizes.get(keyType) ?? 0);
    if (signature.status !== "pass" || !isShort) return [signature];
    return [{ ...signature, status: "fail", reason: "pubkey_too_short" } as const];
  });
  return main.get("dkim_verify_minimal") ? upToFirst(accepted) : accepted;
}

/** `rsa=1024 ed25519=250` */
const leastSizes = (text: string): ReadonlyMap<string, number> =>
  new Map([...text.matchAll(/([a-z0-9]+)=([0-9]+)/g)].map(([, keyType = "", bits]) => [keyType, Number(bits)]));

function upToFirst(signatures: readonly Signature[]): readonly Signature[] {
  const first = signatures.findIndex(({ status }) => status === "pass");
  return signatures.map((signature, i) => {
    if (first === -1 || i <= first) return signature;
    const { key: _, ...rest } = signature;
    return { ...rest, status: "none", reason: "" };
  });
}
