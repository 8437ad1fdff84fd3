import type { SecureContext } from "node:tls";
import { TlsContexts } from "@postbus/tls";
import type { Logger } from "pino";

/**
 * What connections to hosts are made with whose certificates must be good, by `tls_verify_certificates`: `system`, a PEM
 * file or a directory of such; empty: nobody's word is good. Files are read again when they have changed.
 *
 * @returns Throws a `ConfigError`, or rejects with one, if they cannot be read.
 */
export function verifyingContexts(
  log: Pick<Logger, "warn">,
): (authorities: string) => SecureContext | Promise<SecureContext> {
  const contexts = new TlsContexts(
    (err) => log.warn({ err }, "authorities have changed and cannot be used"),
    // There is no certificate of ours in it that could have a proof.
    () => undefined,
  );
  return (authorities) => {
    const named = authorities === "" ? {} : { authorities };
    const found = contexts.get({ certificateFiles: [], privateKeyFiles: [], ...named });
    return found instanceof Promise ? found.then(({ secureContext }) => secureContext) : found.secureContext;
  };
}
