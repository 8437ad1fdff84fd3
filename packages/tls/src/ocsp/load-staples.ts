import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { OwnCertificate } from "../own-certificate.ts";
import { checkOcspProof, type OcspProof, type ProofFault, proofFaultAt } from "./ocsp-proof.ts";
import { type OcspFormat, readResponses } from "./read-responses.ts";

/** A file with proofs for one certificate. */
export interface ProofFile {
  readonly file: string;
  readonly format: OcspFormat;
}

/** What there is to show for a certificate. */
export interface Staple {
  readonly certificate: OwnCertificate;
  /** Whether there is somewhere a proof could come from. */
  readonly hasSource: boolean;
  readonly file: string | undefined;
  /** At this moment; undefined: nothing. */
  readonly proof: OcspProof | undefined;
  /** What is wrong with that of the file. */
  readonly fault: ProofFault | undefined;
}

/** A file of proofs has something, and that is not shown. */
export interface ProofProblem {
  /** Undefined: there is none, and there has to be. */
  readonly file: string | undefined;
  /** File of the certificate. */
  readonly certificate: string;
  readonly fault: ProofFault | "none";
  readonly text: string;
}

/** Who fetches the proofs of certificates without a file; it is asked at each handshake. */
export type ProofSource = (certificate: OwnCertificate) => OcspProof | undefined;

/** A PEM file may have the proofs of many certificates. */
const MAX_FILE_OCTETS = 1_048_576;

/**
 * Reads the proofs of some certificates: the n-th file is for the n-th certificate. Of a file with several, the one that
 * is about the certificate counts. While a file is damaged, as one that is being written is, what was good before is
 * shown on.
 *
 * @param before What was shown before.
 * @param source Of certificates without a file. Default: they have none.
 * @param onProblem Told of each file that gives no proof.
 */
export function loadStaples(
  certificates: readonly OwnCertificate[],
  files: readonly (ProofFile | undefined)[],
  before: readonly Staple[],
  source: ProofSource | undefined,
  onProblem: (problem: ProofProblem) => void,
): Promise<readonly Staple[]> {
  return Promise.all(
    certificates.map(async (certificate, i) => {
      const from = files[i];
      if (from === undefined) return stapleWithoutFile(certificate, source);
      const { file } = from;
      const found = await proofIn(from, certificate);
      if (!("fault" in found)) return { certificate, hasSource: true, file, proof: found, fault: undefined };
      const { fault } = found;
      onProblem({ file, certificate: certificate.file, ...found });
      const old = before.find((one) => one.certificate.leaf.raw.equals(certificate.leaf.raw))?.proof;
      const isKept = fault === "unreadable" && old !== undefined && proofFaultAt(old, Date.now()) === undefined;
      return { certificate, hasSource: true, file, proof: isKept ? old : undefined, fault };
    }),
  );
}

function stapleWithoutFile(certificate: OwnCertificate, source: ProofSource | undefined): Staple {
  const staple = { certificate, hasSource: source !== undefined, file: undefined, fault: undefined };
  // Asked now, too, so that it is fetched before a client wants it.
  source?.(certificate);
  return {
    ...staple,
    get proof() {
      return source?.(certificate);
    },
  };
}

async function proofIn(
  { file, format }: ProofFile,
  { leaf: certificate, issuer }: OwnCertificate,
): Promise<OcspProof | { readonly fault: ProofFault; readonly text: string }> {
  let responses: readonly Buffer[];
  try {
    responses = readResponses(await readBounded(file), format);
  } catch (err) {
    return { fault: "unreadable", text: err instanceof Error ? err.message : String(err) };
  }
  const found = responses.map((response) => checkOcspProof(response, { certificate, issuer }, Date.now()));
  const about = found.find((one) => !("fault" in one) || one.fault !== "other certificate");
  return about ?? { fault: "other certificate", text: "it is about another certificate" };
}

async function readBounded(file: string): Promise<Buffer> {
  // Else the opening of a pipe would wait for somebody who writes into it.
  await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const { size } = await handle.stat();
  if (size > MAX_FILE_OCTETS) throw new Error(`more than ${MAX_FILE_OCTETS} octets`);
  // What is no file of a size (a pipe, a device) has no proof either.
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}
