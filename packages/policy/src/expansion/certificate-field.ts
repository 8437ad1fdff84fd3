import { X509Certificate } from "node:crypto";
import { ExpansionFailure } from "./failures.ts";

type Field = (certificate: X509Certificate, modifiers: readonly string[]) => string | undefined;

/** A multi-line text of Node's as a list; `>c` among the modifiers chooses the separator. */
function list(entries: readonly string[], modifiers: readonly string[], separator: string): string | undefined {
  const chosen = modifiers.find((modifier) => modifier.startsWith(">"))?.charAt(1) ?? separator;
  if (entries.length === 0) return undefined;
  return entries.map((entry) => entry.replaceAll(chosen, chosen + chosen)).join(chosen);
}

/** A name as `CN=…,O=…`, the most specific part first (RFC 4514); with a type among the modifiers, that part only. */
const distinguishedName =
  (side: "subject" | "issuer"): Field =>
  (certificate, modifiers) => {
    const parts = (certificate[side] ?? "").split("\n").filter((part) => part !== "");
    const type = modifiers.find((modifier) => /^[A-Za-z]+$/.test(modifier));
    if (type === undefined) return parts.reverse().join(",");
    const prefix = `${type.toUpperCase()}=`;
    const values = parts
      .filter((part) => part.toUpperCase().startsWith(prefix))
      .map((part) => part.slice(prefix.length));
    return list(values, modifiers, "\n");
  };

const time =
  (side: "validFromDate" | "validToDate"): Field =>
  (certificate, modifiers) => {
    const date = certificate[side];
    if (modifiers.includes("int")) return String(Math.floor(date.getTime() / 1000));
    const [, day = "", month = "", year = "", clock = ""] =
      /^\w+, (\d+) (\w+) (\d+) (\S+)/.exec(date.toUTCString()) ?? [];
    return `${month} ${day.replace(/^0/, " ")} ${clock} ${year} GMT`;
  };

const KINDS: Readonly<Record<string, string>> = { dns: "DNS", uri: "URI", mail: "email" };

const alternativeNames: Field = (certificate, modifiers) => {
  const kind = modifiers.map((modifier) => KINDS[modifier]).find((found) => found !== undefined);
  const names: string[] = [];
  for (const [, type = "", quoted, plain = ""] of (certificate.subjectAltName ?? "").matchAll(ALTERNATIVE)) {
    const value = quoted === undefined ? plain : String(JSON.parse(quoted));
    if (kind !== undefined && type !== kind) continue;
    const label = Object.entries(KINDS)
      .find(([, name]) => name === type)?.[0]
      .toUpperCase();
    if (label !== undefined) names.push(kind === undefined ? `${label}=${value}` : value);
  }
  return list(names, modifiers, "\n");
};

/** Node's form: `DNS:a.example, DNS:"b, c"`, quoted as JSON where a name holds what separates. */
const ALTERNATIVE = /(DNS|URI|email|IP Address|[A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g;

/** The addresses of a kind in the certificate's Authority Information Access. */
const access =
  (kind: string): Field =>
  (certificate, modifiers) => {
    const lines = (certificate.infoAccess ?? "").split("\n").filter((line) => line.startsWith(kind));
    return list(
      lines.map((line) => line.slice(kind.length)),
      modifiers,
      "\n",
    );
  };

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["version", () => "3"],
  ["serial_number", (certificate) => certificate.serialNumber.toLowerCase()],
  ["subject", distinguishedName("subject")],
  ["issuer", distinguishedName("issuer")],
  ["notbefore", time("validFromDate")],
  ["notafter", time("validToDate")],
  ["sig_algorithm", (certificate) => certificate.signatureAlgorithm],
  ["subj_altname", alternativeNames],
  ["ocsp_uri", access("OCSP - URI:")],
]);

/** `signature` and `crl_uri` are parts that Node does not give. */
const NOT_AVAILABLE = new Set(["signature", "crl_uri"]);

/**
 * A field of a certificate, as `${certextract` gives it.
 *
 * @param der Octets of the certificate.
 * @param wanted `subject`, `notafter,int`, `subj_altname,dns,>;`.
 * @returns undefined: the certificate has none.
 */
export function certificateField(der: string, wanted: string): string | undefined {
  const [name = "", ...modifiers] = wanted.split(",").map((part) => part.trim());
  if (NOT_AVAILABLE.has(name)) throw new ExpansionFailure(`certextract: field "${name}" is not available`);
  const field = fields.get(name.toLowerCase());
  if (field === undefined) throw new ExpansionFailure(`bad field selector for certextract: "${name}"`);
  try {
    return field(new X509Certificate(Buffer.from(der, "latin1")), modifiers);
  } catch (error) {
    throw new ExpansionFailure("certextract: the certificate cannot be read", { cause: error });
  }
}
