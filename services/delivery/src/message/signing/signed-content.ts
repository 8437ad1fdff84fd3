import { type DkimSigner, type Signing, type SigningKey, signMessage } from "@postbus/mail-auth";
import type { DkimSigning, KeySource, MessageSigning } from "@postbus/policy";
import { ContentEncoder } from "@postbus/smtp";
import type { Spool } from "@postbus/spool";
import { type OutgoingContent, readOutgoing, withTop } from "../outgoing-content.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** A message with its signatures. */
export interface SignedContent {
  readonly content: OutgoingContent;
  /** `domain:selector` of each DKIM signature. */
  readonly signers: readonly string[];
  /** For the log. */
  readonly notes: readonly string[];
  /** It is not to leave as it is (`dkim_strict`): why. */
  readonly refusal?: string;
}

export interface SigningDeps {
  readonly keys: SigningKeys;
  readonly spool: Pick<Spool, "read">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Exim's words. */
const STRICT = "DKIM: message could not be signed, and dkim_strict is set. Deferring message delivery.";

/**
 * Signs a message as it leaves us (DKIM, ARC). It is read once for that, however large it is, and not copied: what is made stands on
 * top of it.
 *
 * @param clientAddress From where the message came; absent: from ourselves.
 * @throws {SpoolError}
 */
export async function signedContent(
  content: OutgoingContent,
  signing: MessageSigning,
  clientAddress: string | undefined,
  { keys, spool, now }: SigningDeps,
): Promise<SignedContent> {
  const problems = [...signing.dkimProblems];
  const notes = [...signing.notes];
  const usable = async <S extends { readonly key: KeySource }>(of: S, onProblem: string[]): Promise<Ready<S>> => {
    const key = await keys.get(of.key);
    if (!(key instanceof Error)) return { ...of, key };
    onProblem.push(key.message);
    return undefined;
  };
  const ready = await Promise.all(signing.dkim.map((each) => usable(each, problems)));
  const dkim = ready.filter((each) => each !== undefined).flatMap((each) => fitting(each, problems));
  const arc = signing.arc && (await usable(signing.arc, notes));
  const address = clientAddress === undefined ? {} : { clientAddress };
  const asked: Signing = { dkim, ...(arc === undefined ? {} : { arc: { ...arc, ...address } }) };
  const isAsked = dkim.length > 0 || arc !== undefined;
  const made = isAsked
    ? await signMessage(wired(readOutgoing(content, spool)), asked, now())
    : { fields: "", hasDkim: false, problems: [] };
  if (dkim.length > 0 && !made.hasDkim) problems.push(...made.problems);
  else notes.push(...made.problems);
  const refused = problems.length > 0 && signing.isStrict ? { refusal: STRICT } : {};
  return {
    content: made.fields === "" ? content : withTop(content, Buffer.from(made.fields, "latin1")),
    signers: made.hasDkim ? dkim.map(({ domain, selector }) => `${domain}:${selector}`) : [],
    notes: [...problems, ...notes],
    ...refused,
  };
}

type Ready<S> = (Omit<S, "key"> & { readonly key: SigningKey }) | undefined;

/** Ed25519 goes with SHA-256 alone (RFC 8463 §3). */
function fitting(signer: Omit<DkimSigning, "key"> & { readonly key: SigningKey }, problems: string[]): DkimSigner[] {
  if (signer.key.type !== "ed25519" || signer.hash === "sha256") return [signer];
  problems.push(`DKIM: no ${signer.hash} signature with an Ed25519 key`);
  return [];
}

/** With the ends of lines that the peer will see. */
function wired(content: Buffer | AsyncIterable<Buffer>): Buffer | AsyncIterable<Buffer> {
  const encoder = new ContentEncoder(false);
  if (!Buffer.isBuffer(content)) return wiredPieces(content, encoder);
  const octets = encoder.encode(content);
  const end = encoder.end();
  return end.length === 0 ? octets : Buffer.concat([octets, end]);
}

async function* wiredPieces(pieces: AsyncIterable<Buffer>, encoder: ContentEncoder): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield encoder.encode(piece);
  yield encoder.end();
}
