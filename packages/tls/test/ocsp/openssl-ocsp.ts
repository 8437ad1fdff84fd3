import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type makeCertificate, program } from "@postbus/testkit";

type Made = ReturnType<typeof makeCertificate>;

/** Why tests with `openssl ocsp` are skipped; undefined: it is there. */
export const opensslIsMissing: string | undefined =
  program("openssl") === undefined ? "SKIPPED: openssl is not on this machine" : undefined;

/** What `openssl ocsp` answers about a certificate. @param more Words of its command line: `-ndays 1`. */
export function opensslResponse(
  certificate: Made,
  { issuer, signer = issuer, isRevoked = false }: { issuer: Made; signer?: Made; isRevoked?: boolean },
  more: readonly string[],
): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "postbus-ocsp-"));
  try {
    const file = (name: string): string => join(directory, name);
    writeFileSync(file("index.txt"), indexLine(certificate, isRevoked));
    execFileSync(
      program("openssl") ?? "openssl",
      [
        ...["ocsp", "-index", file("index.txt"), "-CA", issuer.certificateFile, "-issuer", issuer.certificateFile],
        ...["-rsigner", signer.certificateFile, "-rkey", signer.privateKeyFile, "-noverify"],
        ...["-respout", file("out.der"), ...more, "-cert", certificate.certificateFile],
      ],
      { stdio: "pipe" },
    );
    return readFileSync(file("out.der"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What `openssl ocsp` says of a response: `Response verify OK`, then the status. */
export function opensslVerdict(response: Buffer, certificate: Made, issuer: Made): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-ocsp-"));
  try {
    const file = join(directory, "response.der");
    writeFileSync(file, response);
    const args = [
      "-issuer",
      issuer.certificateFile,
      "-cert",
      certificate.certificateFile,
      "-CAfile",
      issuer.certificateFile,
    ];
    const command = [program("openssl") ?? "openssl", "ocsp", "-respin", file, ...args].join(" ");
    return execFileSync("sh", ["-c", `${command} 2>&1`], { encoding: "utf8" });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A line of the index of `openssl ca`: state, end, when revoked, serial number, file, subject. */
export function indexLine({ certificate, name }: Made, isRevoked: boolean): string {
  const { serialNumber } = new X509Certificate(certificate);
  const [state, revoked] = isRevoked ? ["R", "250101000000Z"] : ["V", ""];
  return `${state}\t491231235959Z\t${revoked}\t${serialNumber}\tunknown\t/CN=${name}\n`;
}
