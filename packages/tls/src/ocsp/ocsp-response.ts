import { DER, DerError, derBits, derContent, derElements, derOid, derTimeMs, readDer } from "./der.ts";

/** Which certificate a response is about (RFC 6960 §4.1.1). */
export interface CertificateId {
  /** Of the two hashes. */
  readonly algorithm: string;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  readonly serial: Buffer;
}

/** What a responder says of one certificate, and how it vouches for that; nothing of it is checked (RFC 6960 §4.2.1). */
export interface OcspResponse {
  readonly der: Buffer;
  readonly certificateId: CertificateId;
  readonly status: "good" | "revoked" | "unknown";
  readonly thisUpdateMs: number;
  /** Undefined: newer information is always there. */
  readonly nextUpdateMs: number | undefined;
  /** What is signed, by what algorithm, and the signature. */
  readonly signed: Buffer;
  readonly algorithm: string;
  /** Of an algorithm that has such. */
  readonly parameters: Buffer | undefined;
  readonly signature: Buffer;
  /** DER of certificates that may help to check it. */
  readonly certificates: readonly Buffer[];
}

/** A response is one or two kilobytes; certificates in it may make it larger. */
export const MAX_RESPONSE_OCTETS = 65_536;
const BASIC = "1.3.6.1.5.5.7.48.1.1";
/** RFC 6960 §4.2.1 */
const STATUSES = ["successful", "malformedRequest", "internalError", "tryLater", "4", "sigRequired", "unauthorized"];

/**
 * Reads a response. Of several answers in it, the first is taken, as OpenSSL and Exim do.
 *
 * @throws {DerError} it is none, or the responder has refused to answer.
 */
export function parseOcspResponse(octets: Buffer): OcspResponse {
  if (octets.length > MAX_RESPONSE_OCTETS) throw new DerError(`more than ${MAX_RESPONSE_OCTETS} octets`);
  const response = readDer(octets);
  if (response.whole.length !== octets.length) throw new DerError("something follows the response");
  const [status, wrapped] = derElements(derContent(response, DER.sequence));
  const code = derContent(status, DER.enumerated)[0] ?? -1;
  if (code !== 0) throw new DerError(`the responder says ${STATUSES[code] ?? code}`);
  const [type, inner] = derElements(derContent(readDer(derContent(wrapped, DER.context(0))), DER.sequence));
  if (derOid(type) !== BASIC) throw new DerError("a response of an unknown type");
  const basic = readDer(derContent(inner, DER.octetString));
  const [signed, algorithm, signature, wrappedCertificates] = derElements(derContent(basic, DER.sequence));
  if (signed === undefined) throw new DerError("a response is cut off");
  const [algorithmId, parameters] = derElements(derContent(algorithm, DER.sequence));
  const certificates =
    wrappedCertificates === undefined
      ? []
      : derElements(derContent(readDer(derContent(wrappedCertificates, DER.context(0))), DER.sequence));
  return {
    der: octets,
    ...firstAnswer(derContent(signed, DER.sequence)),
    signed: signed.whole,
    algorithm: derOid(algorithmId),
    parameters: parameters?.whole,
    signature: derBits(signature),
    certificates: certificates.map(({ whole }) => whole),
  };
}

type Answer = Pick<OcspResponse, "certificateId" | "status" | "thisUpdateMs" | "nextUpdateMs">;

function firstAnswer(responseData: Buffer): Answer {
  const parts = derElements(responseData);
  // Version (if it is not 1), who responds, when, answers, extensions.
  const list = parts[0]?.tag === DER.context(0) ? parts[3] : parts[2];
  const [answer] = derElements(derContent(list, DER.sequence));
  const [id, status, thisUpdate, ...others] = derElements(derContent(answer, DER.sequence));
  const next = others.find(({ tag }) => tag === DER.context(0));
  return {
    certificateId: certificateIdIn(derContent(id, DER.sequence)),
    status: statusOf(status?.tag),
    thisUpdateMs: derTimeMs(thisUpdate),
    nextUpdateMs: next === undefined ? undefined : derTimeMs(readDer(next.content)),
  };
}

function certificateIdIn(octets: Buffer): CertificateId {
  const [algorithm, name, key, serial] = derElements(octets);
  return {
    algorithm: derOid(derElements(derContent(algorithm, DER.sequence))[0]),
    issuerNameHash: derContent(name, DER.octetString),
    issuerKeyHash: derContent(key, DER.octetString),
    serial: derContent(serial, DER.integer),
  };
}

/** `[0]` and `[2]` are empty, `[1]` says when and why. */
function statusOf(tag: number | undefined): OcspResponse["status"] {
  switch (tag) {
    case 0x80:
      return "good";
    case DER.context(1):
      return "revoked";
    case 0x82:
      return "unknown";
    default:
      throw new DerError("a status is none");
  }
}
