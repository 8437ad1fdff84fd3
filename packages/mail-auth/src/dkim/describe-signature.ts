import type { DkimSignature } from "@postbus/contracts";
import { cleanText } from "../clean-text.ts";
import type { Result } from "../result.ts";
import { keyLength } from "./key-length.ts";
import { NO_KEY, OVERLONG_KEY } from "./key-records.ts";
import { OTHER_VERSION } from "./read-signature.ts";
import { readTags } from "./tag-list.ts";

/** What verifying a signature has come to. */
export interface Verified {
  readonly result: Result;
  /** Why, in words that `STATUS` and `FAULTS` know. */
  readonly comment: string;
  /** The record of the key that was found. */
  readonly keyRecord: string | undefined;
}

const MAX_NAME = 253;
const MAX_VALUE = 2_000;

/**
 * A signature as Exim's DKIM ACL sees it.
 *
 * @param field The value of the DKIM-Signature field, latin1.
 * @returns undefined: Exim does not take it for a signature: it has no domain or no selector, or an algorithm that is not
 * accepted (RFC 8301).
 */
export function describeSignature(field: string, verified: Verified): DkimSignature | undefined {
  const tags = readTags(field);
  const tag = (name: string, most = MAX_VALUE): string => withoutBlanks(cleanText(tags.get(name) ?? "", most));
  const domain = tag("d", MAX_NAME);
  const selector = tag("s", MAX_NAME);
  const { comment } = verified;
  const algorithm = tag("a", 40).toLowerCase();
  if (domain === "" || selector === "" || algorithm === "rsa-sha1" || comment === "unknown algorithm") return undefined;
  const [headerCanonicalization = "", bodyCanonicalization = "simple"] = tag("c", 40).toLowerCase().split("/");
  const identity = tag("i", MAX_NAME);
  const [status, reason] = statusOf(verified);
  const fault = FAULTS.get(comment);
  return {
    ...{ status, reason, domain, selector },
    ...(fault === undefined ? {} : { fault }),
    ...(identity === "" ? {} : { identity }),
    algorithm,
    headerCanonicalization: headerCanonicalization === "" ? "simple" : headerCanonicalization,
    bodyCanonicalization,
    ...numbers({ bodyLength: tag("l", 20), created: tag("t", 20), expires: tag("x", 20) }),
    signatureBits: Buffer.from(tags.get("b") ?? "", "base64").length * 8,
    headerNames: tag("h"),
    copiedHeaders: tag("z"),
    ...keyOf(verified),
  };
}

const withoutBlanks = (text: string): string => text.replaceAll(/ +/g, "");

/** The tags that are numbers, of those that are. */
function numbers<Name extends string>(texts: Readonly<Record<Name, string>>): { [N in Name]?: number } {
  const found: { [N in Name]?: number } = {};
  for (const name of Object.keys(texts) as Name[]) {
    if (/^[0-9]{1,12}$/.test(texts[name])) found[name] = Number(texts[name]);
  }
  return found;
}

type Status = readonly [status: DkimSignature["status"], reason: string];

const STATUS: ReadonlyMap<string, Status> = new Map<string, Status>([
  ["body hash did not verify", ["fail", "bodyhash_mismatch"]],
  ["bad signature", ["fail", "signature_incorrect"]],
  ["weak key", ["fail", "pubkey_too_short"]],
  ["expired", ["fail", "signature_expired"]],
  [NO_KEY, ["invalid", "pubkey_unavailable"]],
  [OVERLONG_KEY, ["invalid", "pubkey_unavailable"]],
  ["unknown key version", ["invalid", "pubkey_dns_syntax"]],
  ["key not for email", ["invalid", "pubkey_dns_syntax"]],
]);

const FAULTS: ReadonlyMap<string, NonNullable<DkimSignature["fault"]>> = new Map([
  [NO_KEY, "no key"],
  [OVERLONG_KEY, "overlong key"],
  [OTHER_VERSION, "version"],
] as const);

function statusOf({ result, comment, keyRecord }: Verified): Status {
  if (result === "pass") return ["pass", ""];
  if (result === "temperror") return ["invalid", "pubkey_unavailable"];
  const known = STATUS.get(comment);
  if (known !== undefined) return known;
  if (comment !== "invalid public key" && comment !== "unknown key type")
    return [result === "fail" ? "fail" : "invalid", ""];
  const key = readTags(keyRecord ?? "").get("p");
  return ["invalid", key !== undefined && /^[A-Za-z0-9+/=\s]*$/.test(key) ? "pubkey_der_syntax" : "pubkey_dns_syntax"];
}

function keyOf({ keyRecord }: Verified): Pick<DkimSignature, "key"> {
  const length = keyRecord === undefined ? undefined : keyLength(keyRecord);
  if (keyRecord === undefined || length === undefined) return {};
  const tags = readTags(keyRecord);
  const flags = (tags.get("t") ?? "").split(":").map((flag) => flag.trim());
  const text = (name: string): string => cleanText(tags.get(name) ?? "");
  return {
    key: {
      testing: flags.includes("y"),
      noSubdomains: flags.includes("s"),
      ...(text("s") === "" ? {} : { serviceTypes: text("s") }),
      ...(text("g") === "" ? {} : { granularity: text("g") }),
      ...(text("n") === "" ? {} : { notes: text("n") }),
      length,
    },
  };
}
