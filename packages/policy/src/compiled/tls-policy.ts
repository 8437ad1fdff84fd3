import { ConfigError } from "@postbus/mail";
import type { AclSession } from "../acl/session.ts";
import { isClientIn } from "../acl/smtp/is-client-in.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../expansion/failures.ts";
import { textOf } from "../expansion/value.ts";
import { type CompiledList, compileList } from "../matching/compile-list.ts";
import { splitList } from "../matching/split-list.ts";
import type { TlsPolicy, TlsSettings } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";

const EXPANDED = [
  "tls_certificate",
  "tls_privatekey",
  "tls_ocsp_file",
  "tls_require_ciphers",
  "tls_eccurve",
  "tls_alpn",
  "tls_verify_certificates",
  "tls_crl",
] as const;
type Expanded = (typeof EXPANDED)[number];
type Values = Readonly<Partial<Record<Expanded, string>>>;

/** With one of these in the unexpanded `tls_certificate`, options are expanded again when the client has named a server. */
const NAMES_SERVER = /tls_sni|tls_in_sni|tls_out_sni/;

/** What the main section says about TLS towards clients. @returns undefined: there is no certificate, and so no TLS. */
export function tlsPolicy({ main }: Pick<Configuration, "main">): TlsPolicy | undefined {
  const certificate = main.get("tls_certificate");
  if (certificate === undefined || certificate === "") return undefined;
  const expansions = EXPANDED.flatMap((name) => {
    const text = main.get(name);
    return text === undefined || text === "" ? [] : [[name, compileExpansion(text)] as const];
  });
  const list = (
    name: "tls_verify_hosts" | "tls_try_verify_hosts" | "tls_resumption_hosts" | "hosts_require_alpn",
  ): CompiledList | undefined => {
    const text = main.get(name);
    return text === undefined || text.trim() === "" ? undefined : compileList("host", text);
  };
  const required = list("tls_verify_hosts");
  const optional = list("tls_try_verify_hosts");
  const options = main.setting("openssl_options") === undefined ? undefined : main.get("openssl_options");
  const fetchesProofs = main.get("tls_ocsp_fetch");
  const resumesAll = main.get("tls_resumption_hosts")?.trim() === "*";
  const resumption = resumesAll ? undefined : list("tls_resumption_hosts");
  const requiresAll = main.get("hosts_require_alpn")?.trim() === "*";
  const named = requiresAll ? undefined : list("hosts_require_alpn");
  const isSame = [required, optional, resumption, named].every((one) => one === undefined);
  const constants = isSame ? constantValues(expansions) : undefined;
  const usual =
    constants &&
    settingsOf(constants, undefined, {
      options,
      fetchesProofs,
      resumes: resumesAll,
      requiresProtocol: requiresAll,
    });
  return {
    usual,
    changesWithServerName: NAMES_SERVER.test(certificate),
    settings: (session) =>
      usual ??
      clientCertificate(session, required, optional).then(async (wanted) =>
        settingsOf(await expandedValues(expansions, session), wanted, {
          options,
          fetchesProofs,
          // What a client has shown is looked at anew each time.
          resumes: wanted === undefined && (await isClientIn(resumption, session, resumesAll)),
          requiresProtocol: await isClientIn(named, session, requiresAll, true),
        }),
      ),
  };
}

function constantValues(expansions: readonly (readonly [Expanded, Expansion])[]): Values | undefined {
  const values: Partial<Record<Expanded, string>> = {};
  for (const [name, { constant }] of expansions) {
    if (constant === undefined) return undefined;
    values[name] = textOf(constant);
  }
  return values;
}

/** @throws {Error} one cannot be expanded: no TLS for this client now. A forced failure is an option that is not set. */
async function expandedValues(
  expansions: readonly (readonly [Expanded, Expansion])[],
  { evaluation }: AclSession,
): Promise<Values> {
  const values: Partial<Record<Expanded, string>> = {};
  for (const [name, expansion] of expansions) {
    try {
      values[name] = textOf(await expansion.run(evaluation));
    } catch (error) {
      if (error instanceof ForcedFailure) continue;
      throw new Error(`expansion of ${name} failed: ${failureText(error) ?? String(error)}`, { cause: error });
    }
  }
  return values;
}

/** What cannot be decided is thrown on: whoever has to show a certificate does not come in without for a lookup's sake. */
async function clientCertificate(
  session: AclSession,
  required: CompiledList | undefined,
  optional: CompiledList | undefined,
): Promise<TlsSettings["clientCertificate"]> {
  const { connection } = session;
  const isIn = async (list: CompiledList | undefined): Promise<boolean> =>
    list !== undefined &&
    (await list.match(session.evaluation, { address: connection.client.address, host: connection })) !== undefined;
  if (await isIn(required)) return "required";
  return (await isIn(optional)) ? "optional" : undefined;
}

function settingsOf(
  values: Values,
  wanted: TlsSettings["clientCertificate"],
  same: Pick<TlsSettings, "options" | "fetchesProofs" | "resumes" | "requiresProtocol">,
): TlsSettings {
  const certificateFiles = [...splitList(values.tls_certificate ?? "").items];
  if (certificateFiles.length === 0) throw new ConfigError("tls_certificate names no file");
  // As in Exim, `_` of other libraries' names is `-`.
  const ciphers = emptyIsNone(values.tls_require_ciphers)?.replaceAll("_", "-");
  const curves = [...splitList(values.tls_eccurve ?? "").items].join(":");
  return {
    ...same,
    certificateFiles,
    privateKeyFiles: [...splitList(values.tls_privatekey ?? "").items],
    proofFiles: proofFilesOf(values.tls_ocsp_file ?? ""),
    ciphers,
    curves: curves === "" || curves === "auto" ? undefined : curves,
    // Who has not to be asked need not be checked, and hundreds of authorities need not be read.
    authorities: wanted === undefined ? undefined : emptyIsNone(values.tls_verify_certificates),
    revocations: wanted === undefined ? undefined : emptyIsNone(values.tls_crl),
    clientCertificate: wanted,
    protocols: [...splitList(values.tls_alpn ?? "").items],
  };
}

/** A format in front of a file holds for those behind it, too; an empty item is a certificate without a proof. */
function proofFilesOf(list: string): TlsSettings["proofFiles"] {
  let format: "DER" | "PEM" = "DER";
  return Array.from(splitList(list).items, (item) => {
    const [, word, named = item] = /^(DER|PEM) (.*)$/s.exec(item) ?? [];
    if (word === "DER" || word === "PEM") format = word;
    const file = named.trim();
    return file === "" ? undefined : { file, format };
  });
}

const emptyIsNone = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
