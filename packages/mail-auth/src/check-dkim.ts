import type { Writable } from "node:stream";
import type { DkimFact } from "@postbus/contracts";
import { cleanText } from "./clean-text.ts";
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
  const verifier = new DkimVerifier({
    resolver,
    strict: true,
    // Else it would parse the Return-Path field, in which we have no interest.
    sender: "unused@localhost",
  });
  await writeMessage(verifier, withoutSurplus(header, fields), rest);
  const { results } = verifier;
  const checked: CheckedSignature[] = [];
  for (const { status, signingDomain, selector, algo } of results) {
    if (signingDomain === undefined && status.result === "none") continue;
    const words = cleanText(status.comment ?? (status.result === "policy" ? "weak key" : ""));
    const algorithm = cleanText(algo ?? "", 32).toLowerCase();
    const fact: DkimFact = {
      result: sharper.get(words) ?? asResult(status.result),
      domain: cleanText(signingDomain ?? "", 253).toLowerCase(),
      selector: cleanText(selector ?? "", 253),
      ...(algorithm === "" ? {} : { algorithm }),
      ...(words === "" ? {} : { comment: words }),
    };
    const { underSized } = status;
    checked.push({ fact, ...(typeof underSized === "number" ? { underSized } : {}) });
  }
  return checked;
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

/**
 * The section without the signatures beyond the limits. (A signature that covers one of those does not verify then.)
 */
function withoutSurplus(header: Buffer, fields: readonly Field[]): Buffer {
  let looked = 0;
  const surplus = fields.filter(({ name, start, end }) => {
    if (name !== "dkim-signature") return false;
    return end - start > MAX_SIGNATURE_OCTETS || ++looked > MAX_SIGNATURES;
  });
  if (surplus.length === 0) return header;
  const kept: Buffer[] = [];
  let at = 0;
  for (const { start, end } of surplus) {
    kept.push(header.subarray(at, start));
    at = end;
  }
  return Buffer.concat([...kept, header.subarray(at)]);
}
