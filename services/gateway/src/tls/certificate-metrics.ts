import type { CertificateState } from "@postbus/tls";
import { Gauge, type Registry } from "prom-client";

/**
 * Tells when certificates and the proofs that they are not revoked end: what nobody has renewed is seen before clients
 * see it. Those of names that clients have asked for are among them.
 */
export function certificateMetrics(registry: Registry, certificates: () => readonly CertificateState[]): void {
  const registers = [registry];
  new Gauge({
    name: "postbus_gateway_certificate_expiry_seconds",
    help: "end of a certificate, in seconds since the epoch",
    labelNames: ["certificate"],
    registers,
    collect() {
      this.reset();
      for (const { file, expiresAtMs } of certificates()) this.set({ certificate: file }, expiresAtMs / 1000);
    },
  });
  new Gauge({
    name: "postbus_gateway_ocsp_proof_expiry_seconds",
    help: "end of the OCSP proof that clients are shown with a certificate, in seconds since the epoch; 0: none is shown",
    labelNames: ["certificate"],
    registers,
    collect() {
      this.reset();
      for (const { file, proofExpiresAtMs } of certificates()) {
        if (proofExpiresAtMs !== undefined) this.set({ certificate: file }, proofExpiresAtMs / 1000);
      }
    },
  });
  new Gauge({
    name: "postbus_gateway_ocsp_proof_unused",
    help: "1 while the OCSP proof of a certificate is not used, by what is wrong with it",
    labelNames: ["certificate", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { file, fault } of certificates()) {
        if (fault !== undefined) this.set({ certificate: file, reason: fault }, 1);
      }
    },
  });
}
