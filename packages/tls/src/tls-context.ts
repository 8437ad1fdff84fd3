import { constants, createHash, createPrivateKey } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext, getCACertificates, type SecureContext, type SecureContextOptions } from "node:tls";
import { ConfigError } from "@postbus/mail";
import type { ContextSettings } from "./context-settings.ts";
import type { Staple } from "./ocsp/load-staples.ts";
import { opensslOptions } from "./openssl-options.ts";
import { type OwnCertificate, ownCertificate } from "./own-certificate.ts";
import { TicketContexts } from "./ticket-contexts.ts";

/** Certificates with their keys, ready for handshakes. */
export interface TlsContext {
  readonly secureContext: SecureContext;
  /** For clients whose sessions may be resumed. */
  readonly resumable: TicketContexts | undefined;
  /** With TLS 1.2, the client's order of cipher suites decides among those that OpenSSL usually has. */
  readonly isByClientsOrder: boolean;
  readonly certificates: readonly OwnCertificate[];
  /** Of each certificate, if clients that ask for proofs are answered; else none. */
  readonly staples: readonly Staple[];
}

/** How long after its beginning a session may be resumed; Exim has 2 hours. */
const SESSION_SECONDS = 7_200;
/** Files of a directory of authorities: more than any system has. */
const MAX_AUTHORITY_FILES = 1_000;
/** Those of RFC 8446 §9.1: a list of older ciphers does not mean that TLS 1.3 is not wanted. */
const NEWEST_SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/**
 * Reads certificate chains and their private keys (PEM files). RFC 8996: nothing below TLS 1.2.
 *
 * @throws {ConfigError} a file cannot be read or is no PEM, a certificate and its key do not belong together, or the
 * library knows none of the ciphers.
 */
export async function loadTlsContext(settings: ContextSettings): Promise<Omit<TlsContext, "staples">> {
  const { certificateFiles, privateKeyFiles, ciphers, curves, authorities, revocations } = settings;
  const pairs = await Promise.all(certificateFiles.map((file, i) => readPair(file, privateKeyFiles[i] ?? file)));
  const { bits } = opensslOptions(settings.options);
  const options: SecureContextOptions = {
    cert: pairs.map(({ certificate }) => certificate),
    key: pairs.map(({ privateKey }) => privateKey),
    minVersion: "TLSv1.2",
    secureOptions: bits,
    // Whose certificates are good is never left to the library's own list.
    ca: authorities === undefined ? [] : await readAuthorities(authorities),
    ...(curves === undefined ? {} : { ecdhCurve: curves }),
    ...(revocations === undefined ? {} : { crl: await readPem("tls_crl", revocations) }),
  };
  const certificates = pairs.map(({ own }) => own);
  const [first = ""] = certificateFiles;
  // Without the ciphers first, so that what is wrong with them is known to be wrong with them.
  const secureContext = parsed("tls_certificate", first, () => createSecureContext(options));
  const resumable = settings.resumes ? resumableContexts(options, certificates) : undefined;
  const isByClientsOrder = ciphers === undefined && (bits & constants.SSL_OP_CIPHER_SERVER_PREFERENCE) === 0;
  const made = { secureContext, resumable, isByClientsOrder, certificates };
  if (ciphers === undefined) return made;
  options.ciphers = `${NEWEST_SUITES}:${ciphers}`;
  return { ...made, secureContext: parsed("tls_require_ciphers", ciphers, () => createSecureContext(options)) };
}

/** @param options As they are when a context is made. */
function resumableContexts(options: SecureContextOptions, certificates: readonly OwnCertificate[]): TicketContexts {
  // Of all servers with the same certificates, and no others: nobody resumes with one name what began with another.
  const id = createHash("sha256");
  for (const { leaf } of certificates) id.update(leaf.raw);
  const sessionIdContext = id.digest("hex").slice(0, 32);
  return new TicketContexts(({ octets }) =>
    createSecureContext({
      ...options,
      secureOptions: ((options.secureOptions ?? 0) & ~constants.SSL_OP_NO_TICKET) >>> 0,
      ticketKeys: octets,
      sessionIdContext,
      sessionTimeout: SESSION_SECONDS,
    }),
  );
}

async function readPair(
  certificateFile: string,
  privateKeyFile: string,
): Promise<{ readonly certificate: Buffer; readonly privateKey: Buffer; readonly own: OwnCertificate }> {
  const certificate = await readPem("tls_certificate", certificateFile);
  const privateKey = await readPem("tls_privatekey", privateKeyFile);
  const own = parsed("tls_certificate", certificateFile, () => ownCertificate(certificateFile, certificate));
  const key = parsed("tls_privatekey", privateKeyFile, () => createPrivateKey(privateKey));
  if (!own.leaf.checkPrivateKey(key)) {
    throw new ConfigError(`tls_privatekey: ${privateKeyFile}: is not the key of the certificate in ${certificateFile}`);
  }
  return { certificate, privateKey, own };
}

/** @param from `system`, a PEM file, or a directory of such. */
async function readAuthorities(from: string): Promise<(string | Buffer)[]> {
  // Each would be named to the client as often as the system has it, and many have all of them several times.
  if (from === "system") return [...new Set(getCACertificates("system"))];
  try {
    if (!(await stat(from)).isDirectory()) return [await readFile(from)];
    const entries = await readdir(from, { withFileTypes: true });
    const names = entries.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name])).sort();
    if (names.length > MAX_AUTHORITY_FILES) throw new Error(`more than ${MAX_AUTHORITY_FILES} files`);
    const texts = await Promise.all(names.map((name) => readFile(join(from, name))));
    return texts.filter((text) => text.includes("CERTIFICATE-----"));
  } catch (err) {
    throw new ConfigError(`tls_verify_certificates: ${from}: cannot be read: ${text(err)}`, { cause: err });
  }
}

async function readPem(option: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (err) {
    throw new ConfigError(`${option}: ${file}: cannot be read: ${text(err)}`, { cause: err });
  }
}

function parsed<T>(option: string, file: string, parse: () => T): T {
  try {
    return parse();
  } catch (err) {
    throw new ConfigError(`${option}: ${file}: ${text(err)}`, { cause: err });
  }
}

const text = (err: unknown): string => (err instanceof Error ? err.message : String(err));
