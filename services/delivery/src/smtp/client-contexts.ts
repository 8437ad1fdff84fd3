import type { SecureContext } from "node:tls";
import type { HostTerms } from "@postbus/policy";
import { TlsContexts } from "@postbus/tls";
import type { Logger } from "pino";

/** What of the terms a context is made of. */
export type ContextTerms = Pick<
  HostTerms,
  "authorities" | "revocations" | "certificate" | "privateKey" | "ciphers" | "curves" | "resumesTls"
>;

/** @returns Throws a `ConfigError`, or rejects with one, if a file cannot be read. */
export type ClientContexts = (terms: ContextTerms) => SecureContext | Promise<SecureContext>;

/**
 * What connections to hosts are made with: whom we believe (`tls_verify_certificates`: `system`, a PEM file or a directory of
 * such; empty: nobody's word is good), and who we are. Files are read again when they have changed.
 */
export function clientContexts(log: Pick<Logger, "warn">): ClientContexts {
  const contexts = new TlsContexts(
    (err) => log.warn({ err }, "files for TLS to hosts have changed and cannot be used"),
    // There is no certificate in it that could have a proof.
    () => undefined,
  );
  return ({ authorities, revocations, certificate, privateKey, ciphers, curves, resumesTls }) => {
    const found = contexts.get({
      certificateFiles: certificate === undefined ? [] : [certificate],
      privateKeyFiles: privateKey === undefined ? [] : [privateKey],
      ciphers,
      curves,
      // Without tickets, TLS 1.2 has hardly anything to resume.
      ...(resumesTls ? { options: "-no_ticket" } : {}),
      ...(authorities === "" ? {} : { authorities, revocations }),
    });
    return found instanceof Promise ? found.then(({ secureContext }) => secureContext) : found.secureContext;
  };
}
