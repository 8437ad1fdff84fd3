import type { DkimLimits } from "@postbus/contracts";
import { splitList } from "../../matching/split-list.ts";
import type { Configuration } from "../../reader/configuration.ts";

const OPTIONS = [
  "dkim_verify_hashes",
  "dkim_verify_keytypes",
  "dkim_verify_min_keysizes",
  "dkim_verify_minimal",
] as const;

/**
 * What the policy takes for a signature, for who verifies them: whoever asks about signatures, and DMARC, goes by the same.
 * `dkim_verify_hashes` and `dkim_verify_keytypes` say which are signatures at all, `dkim_verify_min_keysizes` which keys are too
 * short, and with `dkim_verify_minimal` none is verified behind the first that holds.
 *
 * @returns undefined: as by default, which is what RFC 8301 takes.
 */
export function dkimLimits({ main }: Pick<Configuration, "main">): DkimLimits | undefined {
  if (OPTIONS.every((name) => main.setting(name) === undefined)) return undefined;
  return {
    hashes: words(main.get("dkim_verify_hashes")),
    keyTypes: words(main.get("dkim_verify_keytypes")),
    leastBits: leastBits(main.get("dkim_verify_min_keysizes")),
    ...(main.get("dkim_verify_minimal") ? { isMinimal: true } : {}),
  };
}

const words = (list: string): string[] => [...splitList(list).items];

/** `rsa=1024 ed25519=250` */
const leastBits = (text: string): DkimLimits["leastBits"] =>
  Object.fromEntries(
    [...text.matchAll(/([a-z0-9]+)=([0-9]+)/g)].map(([, keyType = "", bits]) => [keyType, Number(bits)]),
  );
