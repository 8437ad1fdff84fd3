import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { ConfigError } from "@postbus/mail";

/** A certificate with its key, ready for handshakes. */
export interface TlsContext {
  readonly secureContext: SecureContext;
}

/**
 * Reads a certificate chain and its private key (PEM files). RFC 8996: nothing below TLS 1.2.
 *
 * @throws {ConfigError} a file cannot be read or is no PEM, or the two do not belong together.
 */
export async function loadTlsContext(certificateFile: string, privateKeyFile: string): Promise<TlsContext> {
  const certificate = await readPem("tls_certificate", certificateFile);
  const privateKey = await readPem("tls_privatekey", privateKeyFile);
  const leaf = parsed("tls_certificate", certificateFile, () => new X509Certificate(certificate));
  const key = parsed("tls_privatekey", privateKeyFile, () => createPrivateKey(privateKey));
  if (!leaf.checkPrivateKey(key)) {
    throw new ConfigError(`tls_privatekey: ${privateKeyFile}: is not the key of the certificate in ${certificateFile}`);
  }
  const secureContext = parsed("tls_certificate", certificateFile, () =>
    createSecureContext({ cert: certificate, key: privateKey, minVersion: "TLSv1.2" }),
  );
  return { secureContext };
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
