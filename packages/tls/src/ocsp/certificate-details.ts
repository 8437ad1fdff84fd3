import type { X509Certificate } from "node:crypto";
import { DER, type DerElement, DerError, derBits, derContent, derElements, derOid, readDer } from "./der.ts";

/** What OCSP needs of a certificate and the library does not tell, as it stands in it. */
export interface CertificateDetails {
  /** Big-endian octets of the serial number, as they are. */
  readonly serial: Buffer;
  /** The names' DER. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** The key's octets, without the algorithm: what `issuerKeyHash` of RFC 6960 §4.1.1 is made of. */
  readonly keyOctets: Buffer;
  /** Where its issuer tells about it by OCSP (RFC 5280 §4.2.2.1). */
  readonly responders: readonly string[];
  /** It says that a server must show a proof (RFC 7633). */
  readonly mustStaple: boolean;
}

const EXTENSIONS = DER.context(3);
const AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1";
const OCSP = "1.3.6.1.5.5.7.48.1";
const TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
/** `status_request`, of RFC 6066. */
const STATUS_REQUEST = 5;
/** `uniformResourceIdentifier` of a GeneralName. */
const URI = 0x86;

/** Reads a certificate that the library has taken. @throws {DerError} something of it is not as RFC 5280 §4.1 has it. */
export function certificateDetails({ raw }: Pick<X509Certificate, "raw">): CertificateDetails {
  const [toBeSigned] = derElements(derContent(readDer(raw), DER.sequence));
  const parts = derElements(derContent(toBeSigned, DER.sequence));
  const [serial, , issuer, , subject, key, ...others] = parts[0]?.tag === DER.context(0) ? parts.slice(1) : parts;
  if (issuer === undefined || subject === undefined) throw new DerError("a certificate is cut off");
  const bits = derElements(derContent(key, DER.sequence))[1];
  const extensions = extensionsIn(others.find(({ tag }) => tag === EXTENSIONS));
  return {
    serial: derContent(serial, DER.integer),
    issuer: issuer.whole,
    subject: subject.whole,
    keyOctets: derBits(bits),
    responders: respondersIn(extensions.get(AUTHORITY_INFORMATION_ACCESS)),
    mustStaple: hasFeature(extensions.get(TLS_FEATURE)),
  };
}

function extensionsIn(element: DerElement | undefined): ReadonlyMap<string, Buffer> {
  if (element === undefined) return new Map();
  const list = derElements(derContent(readDer(element.content), DER.sequence));
  return new Map(
    list.map((extension) => {
      const parts = derElements(derContent(extension, DER.sequence));
      return [derOid(parts[0]), derContent(parts.at(-1), DER.octetString)];
    }),
  );
}

function respondersIn(extension: Buffer | undefined): readonly string[] {
  if (extension === undefined) return [];
  return derElements(derContent(readDer(extension), DER.sequence)).flatMap((description) => {
    const [method, location] = derElements(derContent(description, DER.sequence));
    return derOid(method) === OCSP && location?.tag === URI ? [location.content.toString("latin1")] : [];
  });
}

function hasFeature(extension: Buffer | undefined): boolean {
  if (extension === undefined) return false;
  const features = derElements(derContent(readDer(extension), DER.sequence));
  return features.some(({ tag, content }) => tag === DER.integer && content.equals(Buffer.of(STATUS_REQUEST)));
}
