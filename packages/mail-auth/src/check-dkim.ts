import type { Writable } from "node:stream";
import type { DkimFact, DkimSignature } from "@postbus/contracts";
import { cleanText } from "./clean-text.ts";
import { describeSignature } from "./describe-signature.ts";
import type { Field } from "./header-section.ts";
import { lineBlocks } from "./line-blocks.ts";
import { mailauthDkim } from "./mailauth-library.ts";
import type { LibraryResolver } from "./query-adapter.ts";
import { asResult, type Result } from "./result.ts";

/** Signatures that are checked, from the top: each costs a key query, a hash of the body and a verification. */
export const MAX_SIGNATURES = 10;

/**
 * Octets of one signature field; a longer one is not looked at. Honest ones have 1 KB, with copied fields (`z=`) a few.
 * The library's time for nonsense grows with the square: 16 KB of it take 50 ms, 100 KB take 300.
 */
const MAX_SIGNATURE_OCTETS = 16 * 1024;

/** A signature with what DMARC wants to know of it. */
export interface CheckedSignature {
  readonly fact: DkimFact;
  /** Octets of the body that the signature leaves open (`l=`). */
  readonly underSized?: number;
  /** All about it; absent: it is none that an ACL would be asked about. */
  readonly signature?: DkimSignature;
}

/** RFC 8601 §2.7.1 has words that are nearer than the library's neutral. */
const sharper: ReadonlyMap<string, Result> = new Map([
  // No recovery without the signer's doing.
  ["no key", "permerror"],
  // The signer's own wish (RFC 6376 §3.5, x=).
  ["expired", "fail"],
]);

/**
 * Verifies the signatures of a message (RFC 6376, RFC 8301, RFC 8463: no rsa-sha1, no RSA key below 1024 bits).
 *
 * @param fields Of the header section.
 * @throws what reading the content throws.
 */
export async function checkDkim(
  header: Buffer,
  fields: readonly Field[],
  rest: Iterable<Buffer> | AsyncIterable<Buffer>,
  resolver: LibraryResolver,
): Promise<readonly CheckedSignature[]> {
  const { DkimVerifier } = await mailauthDkim();
  const records = new Map<string, string>();
  const verifier = new DkimVerifier({
    resolver: recording(resolver, records),
    strict: true,
    // Else it would parse the Return-Path field, in which we have no interest.
    sender: "unused@localhost",
  });
  const surplus = surplusOf(fields);
  const looked = fields.filter((field) => field.name === "dkim-signature" && !surplus.includes(field));
  await writeMessage(verifier, without(header, surplus), rest);
  const { results } = verifier;
  const checked: CheckedSignature[] = [];
  for (const [i, { status, signingDomain, selector, algo, rr }] of results.entries()) {
    if (signingDomain === undefined && status.result === "none") continue;
    const words = cleanText(status.comment ?? (status.result === "policy" ? "weak key" : ""));
    const algorithm = cleanText(algo ?? "", 32).toLowerCase();
    const result = sharper.get(words) ?? asResult(status.result);
    const fact: DkimFact = {
      result,
      domain: cleanText(signingDomain ?? "", 253).toLowerCase(),
      selector: cleanText(selector ?? "", 253),
      ...(algorithm === "" ? {} : { algorithm }),
      ...(words === "" ? {} : { comment: words }),
    };
    const { underSized } = status;
    // There is one result for each.
    const field = results.length === looked.length ? looked[i] : undefined;
    // No key was looked for where the body is another one.
    const isLooked = words !== "body hash did not verify";
    const keyRecord = isLooked
      ? (records.get(`${selector}._domainkey.${signingDomain}`.toLowerCase()) ?? rr)
      : undefined;
    const signature = field && describeSignature(bodyOf(header, field), { result, comment: words, keyRecord });
    checked.push({
      fact,
      ...(typeof underSized === "number" ? { underSized } : {}),
      ...(signature === undefined ? {} : { signature }),
    });
  }
  return checked;
}

/** Keeps the keys as they stand in the DNS: the library takes the blanks out of them. */
function recording(resolver: LibraryResolver, records: Map<string, string>): LibraryResolver {
  return async (name, type) => {
    const answer = await resolver(name, type);
    const [first] = answer;
    if (type === "TXT" && first !== undefined) records.set(name.toLowerCase(), [first].flat().join(""));
    return answer;
  };
}

function bodyOf(header: Buffer, { start, end }: Field): string {
  const text = header.toString("latin1", start, end);
  return text.slice(text.indexOf(":") + 1);
}

/** One write at a time, and each to its end: so the blocks of the body can be one block. */
async function writeMessage(
  verifier: Writable,
  header: Buffer,
  rest: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<void> {
  // Told to whoever writes; but an error event that nobody listens to would end the process.
  verifier.on("error", () => undefined);
  const write = (octets: Buffer): Promise<void> =>
    new Promise((resolve, reject) => verifier.write(octets, (err) => (err ? reject(err) : resolve())));
  await write(header);
  // What is in memory as a whole stays as it is.
  for await (const octets of Symbol.asyncIterator in rest ? lineBlocks(rest) : rest) await write(octets);
  await new Promise<void>((resolve, reject) => {
    verifier.once("error", reject);
    verifier.end(resolve);
  });
}

/** The signatures beyond the limits. (A signature that covers one of those does not verify then.) */
function surplusOf(fields: readonly Field[]): readonly Field[] {
  let looked = 0;
  return fields.filter(({ name, start, end }) => {
    if (name !== "dkim-signature") return false;
    return end - start > MAX_SIGNATURE_OCTETS || ++looked > MAX_SIGNATURES;
  });
}

/** The section without some of its fields. */
function without(header: Buffer, surplus: readonly Field[]): Buffer {
  if (surplus.length === 0) return header;
  const kept: Buffer[] = [];
  let at = 0;
  for (const { start, end } of surplus) {
    kept.push(header.subarray(at, start));
    at = end;
  }
  return Buffer.concat([...kept, header.subarray(at)]);
}
