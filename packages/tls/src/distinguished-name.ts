import type { X509Certificate } from "node:crypto";

/** A certificate is up to 100 kB, and its subject may be most of it. */
const MAX_LENGTH = 512;

/**
 * The subject on one line, as Exim with OpenSSL has it in `$tls_in_peerdn`: `/C=UK/O=Example/CN=mx.example`. What is not
 * printable ASCII is written as `\xHH`. Empty: the certificate names nobody there.
 */
export function distinguishedName(certificate: Pick<X509Certificate, "subject">): string {
  // An empty subject is undefined, of which the types know nothing.
  const { subject = "" }: { readonly subject?: string | undefined } = certificate;
  const octets = Buffer.from(subject, "utf8").toString("latin1");
  const line = octets
    .split("\n")
    .filter((part) => part !== "")
    .map((part) => `/${part}`)
    .join("");
  return line
    .slice(0, MAX_LENGTH)
    .replace(/[^ -~]/g, (octet) => `\\x${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
