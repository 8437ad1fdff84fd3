import type { ProofFile } from "./ocsp/load-staples.ts";

/** What a server's TLS context is made of: names, not contents, so that it can be compared. */
export interface ContextSettings {
  /** PEM files, each a certificate with its chain; several for several types of keys. */
  readonly certificateFiles: readonly string[];
  /** PEM files, in the order of the certificates; a certificate without one has its key in its own file. */
  readonly privateKeyFiles: readonly string[];
  /** For the n-th certificate, what proves that it is not revoked. Absent: clients that ask for a proof are given none. */
  readonly proofFiles?: readonly (ProofFile | undefined)[] | undefined;
  /** Whether certificates without such a file have proofs from elsewhere: of those who fetch them. */
  readonly fetchesProofs?: boolean | undefined;
  /** OpenSSL's list for up to TLS 1.2; those of TLS 1.3 stay as they are. Absent: the library's. */
  readonly ciphers?: string | undefined;
  /** Curves, separated by colons. Absent: the library's. */
  readonly curves?: string | undefined;
  /** Exim's `openssl_options`: `+no_tlsv1_3 -no_ticket`. */
  readonly options?: string | undefined;
  /** Whether sessions may be resumed (by tickets), whatever the options say. */
  readonly resumes?: boolean | undefined;
  /** Whose signature makes a client's certificate good: `system`, a PEM file, or a directory of such. Absent: nobody's. */
  readonly authorities?: string | undefined;
  /** PEM file with revocation lists for them. */
  readonly revocations?: string | undefined;
}

/** The files that a context was made of, apart from those in directories, and from proofs. */
export function filesOf(settings: ContextSettings): readonly string[] {
  const { certificateFiles, privateKeyFiles, authorities, revocations } = settings;
  const files = [...certificateFiles, ...privateKeyFiles];
  if (authorities !== undefined && authorities !== "system") files.push(authorities);
  if (revocations !== undefined) files.push(revocations);
  return files;
}

/** The files of proofs. */
export function proofFilesOf({ proofFiles = [] }: ContextSettings): readonly string[] {
  return proofFiles.flatMap((one) => (one === undefined ? [] : [one.file]));
}
