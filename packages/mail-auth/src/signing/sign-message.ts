import { BodyHash, type BodyHashAlgorithm } from "../canonical/body-hash.ts";
import type { Canonicalization } from "../canonical/canonicalization.ts";
import { SignedHeader } from "../canonical/signed-header.ts";
import { type Field, readHeaderSection } from "../header-section.ts";
import { readMessageParts } from "../message-parts.ts";
import { readBody } from "../read-body.ts";
import { type ArcSealer, arcSet } from "./arc-sealer.ts";
import { type DkimSigner, dkimSignatureField } from "./dkim-signer.ts";
import { signedNames } from "./signed-names.ts";

/** It was taken, whatever `header_maxsize` is: beyond that, something is wrong with it. */
const MAX_HEADER_OCTETS = 16 * 1024 * 1024;

/** What is to be put on top of a message. */
export interface Signing {
  /** The first one's signature comes first. */
  readonly dkim: readonly DkimSigner[];
  readonly arc?: ArcSealer;
}

export interface Signed {
  /** Fields for the top, each with its CRLF; empty: none could be made. */
  readonly fields: string;
  /** The DKIM signatures are among them: all, or none. */
  readonly hasDkim: boolean;
  /** Why something could not be made. */
  readonly problems: readonly string[];
}

/**
 * Signs a message as it is (DKIM: RFC 6376, 8463; ARC: RFC 8617), in one pass over it. In memory are its header section and a piece
 * of the body.
 *
 * @param content With CRLF line ends; pieces are done with when the next one is asked for.
 * @throws what reading the content throws.
 */
export async function signMessage(
  content: Buffer | AsyncIterable<Buffer>,
  { dkim, arc }: Signing,
  nowMs: number,
): Promise<Signed> {
  const parts = await readMessageParts(content, MAX_HEADER_OCTETS);
  const section = parts.header && readHeaderSection(parts.header);
  if (parts.header === undefined || section === undefined || section.kind !== "fields") {
    await parts.discard();
    const reason = section === undefined || section.kind === "fields" ? "header section too long" : section.reason;
    return { fields: "", hasDkim: false, problems: [`message not signed: ${reason}`] };
  }
  const hashes = new Map<string, BodyHash>();
  const want = (how: Canonicalization, algorithm: BodyHashAlgorithm): void => {
    const key = `${how} ${algorithm}`;
    if (!hashes.has(key)) hashes.set(key, new BodyHash(how, algorithm));
  };
  for (const { canonicalization, hash } of dkim) want(canonicalization, hash);
  if (arc !== undefined) want("relaxed", "sha256");
  await readBody(parts.rest(), (piece) => {
    for (const hash of hashes.values()) hash.update(piece);
  });
  const digests = new Map([...hashes].map(([key, hash]) => [key, hash.digest()]));

  const nowS = Math.floor(nowMs / 1000);
  const header = new SignedHeader(parts.header, section.fields);
  const nameOf = (field: Field): string => header.text(field).slice(0, field.name.length);
  const signatures = await Promise.all(
    dkim.map((signer) => {
      const names = signedNames(signer.fields, section.fields, nameOf);
      const digest = digests.get(`${signer.canonicalization} ${signer.hash}`) ?? "";
      return dkimSignatureField(signer, names, digest, header, nowS);
    }),
  );
  const made = signatures.join("");
  const hasDkim = dkim.length > 0;
  if (arc === undefined) return { fields: made, hasDkim, problems: [] };
  const sealed = await sealOver(arc, Buffer.concat([Buffer.from(made, "latin1"), parts.header]), digests, nowS);
  return "problem" in sealed
    ? { fields: made, hasDkim, problems: [sealed.problem] }
    : { fields: sealed.fields + made, hasDkim, problems: [] };
}

/** The set is about the message with its new signatures. */
async function sealOver(arc: ArcSealer, octets: Buffer, digests: ReadonlyMap<string, string>, nowS: number) {
  const section = readHeaderSection(octets);
  if (section.kind !== "fields") return { problem: `ARC: not signed: ${section.reason}` };
  const header = new SignedHeader(octets, section.fields);
  return arcSet(arc, header, section.fields, digests.get("relaxed sha256") ?? "", nowS);
}
