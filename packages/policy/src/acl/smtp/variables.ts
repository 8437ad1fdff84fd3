import { loadavg } from "node:os";
import { domainOf, localPartOf, trim } from "@postbus/mail";
import { fullHost, receivedHost } from "../../carried/client-host.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import type { Value } from "../../expansion/value.ts";
import { signatureDefaults } from "../dkim/signature-variables.ts";
import type { AclSession } from "../session.ts";
import type { TlsView } from "./connection.ts";
import { diskSpace } from "./disk-space.ts";
import { ownReceived } from "./received-content.ts";

type Known = Value | number | boolean | undefined;
type Read = (session: AclSession) => Known;

/** The variables of an SMTP session: what client and message say, and what conditions have found out. */
export class SmtpVariables implements Variables {
  readonly #session: AclSession;

  constructor(session: AclSession) {
    this.#session = session;
  }

  get(name: string): Known {
    const session = this.#session;
    const read = READERS.get(name);
    if (read !== undefined) return read(session);
    if (name.startsWith("acl_")) {
      return (name.charAt(4) === "c" ? session.connection : session.message).variables.get(name);
    }
    return session.message.found.get(name) ?? session.connection.found.get(name) ?? signatureDefaults.get(name);
  }
}

const general: Readonly<Record<string, Read>> = {
  primary_hostname: ({ names }) => names.primaryHostname,
  smtp_active_hostname: ({ names, connection }) => connection.terms.hostname ?? names.activeHostname,
  qualify_domain: ({ names }) => names.qualifyDomain,
  qualify_recipient: ({ names }) => names.qualifyRecipient,
  config_file: ({ names }) => names.configFile,
  config_dir: ({ names }) => names.configFile.replace(/\/[^/]*$/, ""),
  exim_version: ({ names }) => names.version,
  version_number: ({ names }) => names.version,
  pid: () => process.pid,
  compile_number: () => 1,
  load_average: () => Math.round((loadavg()[0] ?? 0) * 1000),
  spool_space: ({ names }) => diskSpace(names.spoolDirectory)?.kilobytes,
  spool_inodes: ({ names }) => diskSpace(names.spoolDirectory)?.inodes,
  log_space: ({ names }) => diskSpace(names.spoolDirectory)?.kilobytes,
  log_inodes: ({ names }) => diskSpace(names.spoolDirectory)?.inodes,
  spool_directory: ({ names }) => names.spoolDirectory,
  bounce_return_size_limit: ({ names }) => names.bounceReturnSizeLimit,
  acl_verify_message: ({ verifyMessage }) => verifyMessage,
  // As long as nobody has looked at the message, it is to be delivered.
  bmi_deliver: (session) => (bmiOf(session)?.deliver === "none" ? 0 : 1),
  bmi_alt_location: (session) => bmiOf(session)?.alternateLocation,
  bmi_base64_verdict: (session) => bmiOf(session)?.base64Verdict,
  bmi_base64_tracker_verdict: (session) => bmiOf(session)?.base64TrackerVerdict,
  // Before `dmarc_status`, which makes the check.
  dmarc_status: ({ message }) => message.found.get("dmarc_status") ?? (message.controls.isDmarcOff ? "off" : "none"),
  dmarc_ar_header: ({ message, names }) =>
    message.found.get("dmarc_ar_header") ?? `Authentication-Results: ${names.primaryHostname}; dmarc=skipped`,
};

const connection: Readonly<Record<string, Read>> = {
  sender_host_address: ({ connection }) => connection.client.address,
  sender_host_port: ({ connection }) => connection.client.port,
  sender_host_name: ({ connection }) => connection.hostName,
  host_lookup_failed: ({ connection }) => (connection.hostName === "" && !connection.isHostLookupDeferred ? 1 : 0),
  host_lookup_deferred: ({ connection }) => (connection.isHostLookupDeferred ? 1 : 0),
  sender_fullhost: ({ connection }) => fullHost(hostOf(connection)),
  sender_rcvhost: ({ connection }) => receivedHost(hostOf(connection)),
  sender_helo_name: ({ connection }) => connection.helo,
  sender_helo_verified: ({ connection }) => connection.heloIsVerified,
  interface_address: ({ connection }) => connection.client.interfaceAddress,
  interface_port: ({ connection }) => connection.client.interfacePort,
  received_ip_address: ({ connection }) => connection.client.interfaceAddress,
  received_port: ({ connection }) => connection.client.interfacePort,
  smtp_command: ({ command }) => command.text,
  smtp_command_argument: ({ command }) => argumentOf(command),
  connection_id: ({ connection, evaluation }) => {
    connection.id ??= evaluation.around.random(ID_LIMIT).toString(36);
    return connection.id;
  },
  smtp_command_history: ({ hooks }) => hooks.commandHistory?.(),
  smtp_notquit_reason: ({ connection }) => connection.notQuitReason,
  authenticated_id: ({ connection }) => connection.authentication?.id,
  authenticated_fail_id: ({ connection }) => connection.failedId,
  authentication_failed: ({ connection }) => (connection.hasFailedToAuthenticate ? 1 : 0),
  auth1: ({ connection }) => connection.authValues[0],
  auth2: ({ connection }) => connection.authValues[1],
  auth3: ({ connection }) => connection.authValues[2],
  sender_host_authenticated: ({ connection }) => connection.authentication?.by,
  tls_in_cipher: ({ connection }) => connection.tls?.cipher,
  tls_in_cipher_std: ({ connection }) => connection.tls?.cipherStandard,
  tls_in_bits: ({ connection }) => connection.tls?.bits,
  tls_in_ver: ({ connection }) => connection.tls?.version,
  tls_in_sni: ({ connection }) => connection.tls?.sni ?? connection.serverName,
  tls_in_peerdn: ({ connection }) => connection.tls?.peerName,
  tls_in_peercert: ({ connection }) => connection.tls?.peerCertificate,
  tls_in_ourcert: ({ connection }) => connection.tls?.ownCertificate,
  tls_in_certificate_verified: ({ connection }) => (connection.tls?.isVerified === true ? 1 : 0),
  tls_in_ocsp: ({ connection }) => OCSP[connection.tls?.ocsp ?? "not requested"],
  tls_in_resumption: ({ connection: { tls } }) => tls && resumptionBits(tls),
  proxy_session: ({ connection }) => connection.proxy !== undefined,
  proxy_local_address: ({ connection }) => connection.proxy?.localAddress,
  proxy_local_port: ({ connection }) => connection.proxy?.localPort,
  proxy_external_address: ({ connection }) => connection.proxy?.externalAddress,
  proxy_external_port: ({ connection }) => connection.proxy?.externalPort,
  proxy_result: ({ connection }) => connection.proxy?.result,
  proxy_unique_id: ({ connection }) => connection.proxy?.uniqueId,
  proxy_sni: ({ connection }) => connection.proxy?.authority,
  proxy_tls_version: ({ connection }) => connection.proxy?.tls?.version,
  proxy_tls_cipher: ({ connection }) => connection.proxy?.tls?.cipher,
  proxy_tls_common_name: ({ connection }) => connection.proxy?.tls?.commonName,
  proxy_tls_verified: ({ connection }) => connection.proxy?.tls?.isVerified === true,
};

/** Numbers of Exim's manual. A server says nothing of 2 and 3, which are a client's. */
const OCSP = { "not requested": 0, "no response": 1, stapled: 4 } as const;

/**
 * Bits of Exim's manual, as Exim has them for clients of OpenSSL and GnuTLS: 1 we could, 2 the client wants tickets, 4 it has
 * come with one, 8 we have given one, 16 its session goes on. That it came with one that could not be used is not known.
 */
function resumptionBits({ resumption, version }: TlsView): number {
  if (resumption === "off") return 1;
  if (resumption === "offered") return 11;
  // TLS 1.2 gives no other ticket with it.
  return version === "TLS1.3" ? 31 : 23;
}

const message: Readonly<Record<string, Read>> = {
  authenticated_sender: ({ message }) => message.authenticatedSender,
  sender_address: ({ message }) => message.returnPath,
  return_path: ({ message }) => message.returnPath,
  sender_address_local_part: ({ message }) => ofAddress(message.returnPath, localPartOf),
  sender_address_domain: ({ message }) => ofAddress(message.returnPath, domainOf),
  message_size: ({ message }) => message.size ?? -1,
  message_exim_id: ({ message }) => message.messageId,
  message_id: ({ message }) => message.messageId,
  received_time: ({ message: { content, receivedAtMs } }) =>
    content === undefined || receivedAtMs === undefined ? 0 : Math.floor(receivedAtMs / 1000),
  received_protocol: (session) => protocol(session),
  recipients_count: ({ message }) => message.recipients.length,
  received_for: ({ message }) => (message.recipients.length === 1 ? message.recipients[0] : undefined),
  rcpt_count: ({ message }) => message.rcptCount,
  rcpt_defer_count: ({ message }) => message.rcptDeferCount,
  rcpt_fail_count: ({ message }) => message.rcptFailCount,
  prdr_requested: ({ message }) => message.isPrdr,
  message_smtputf8: ({ message }) => message.isSmtpUtf8,
  requiretls: ({ message }) => (message.controls.requiresTls === true ? "yes" : "no"),
  tls_required: ({ message }) => (message.isTlsOptional ? "no" : undefined),
  queue_name: ({ message }) => message.queueName,
  recipients: (session) => allRecipients(session)?.join(", "),
  recipients_list: (session) =>
    allRecipients(session)
      ?.map((address) => address.replaceAll(":", "::"))
      .join(":"),
  headers_added: ({ message }) => withoutLastLineEnd(message.addedHeaders.map(({ text }) => text).join("")),
  message_headers: ({ message }) => message.content?.headerLines.join(""),
  message_headers_raw: ({ message }) => message.content?.headerLines.join(""),
  message_body: ({ message }) => message.content && visible(message.content.bodyStart),
  message_body_end: ({ message }) => message.content && visible(message.content.bodyEnd),
  message_body_size: ({ message }) => message.content?.bodySize,
  body_linecount: ({ message }) => message.content?.bodyLines,
  body_zerocount: ({ message }) => message.content?.bodyZeros,
  max_received_linelength: ({ message }) => message.content?.longestLine,
  message_linecount: ({ message }) => message.content && message.content.bodyLines + headerLineCount(message.content),
  received_count: ({ message }) => message.content?.headers.occurrences("received").length,
  reply_address: ({ message }) => replyAddress(message.content?.headers),
  domain: ({ recipient }) => recipient?.domain,
  local_part: ({ localPart }) => localPart,
};

const aliases: Readonly<Record<string, string>> = {
  return_size_limit: "bounce_return_size_limit",
  proxy_host_address: "proxy_local_address",
  proxy_host_port: "proxy_local_port",
  proxy_target_address: "proxy_external_address",
  proxy_target_port: "proxy_external_port",
  tls_cipher: "tls_in_cipher",
  tls_sni: "tls_in_sni",
  tls_peerdn: "tls_in_peerdn",
  tls_bits: "tls_in_bits",
  tls_certificate_verified: "tls_in_certificate_verified",
};

const READERS: ReadonlyMap<string, Read> = readers();

function readers(): Map<string, Read> {
  const all = new Map(Object.entries({ ...general, ...connection, ...message }));
  for (const [alias, name] of Object.entries(aliases)) {
    const read = all.get(name);
    if (read !== undefined) all.set(alias, read);
  }
  return all;
}

/** Of the recipient that is asked about (PRDR), or what holds for all. */
const bmiOf = ({ message: { bmi }, recipient }: AclSession) =>
  recipient === undefined ? bmi?.ofAll() : bmi?.of(recipient.address);

/** Of `$connection_id`: what `random` may give. */
const ID_LIMIT = 2 ** 47;

const ofAddress = (address: string | undefined, part: (address: string) => string): string | undefined =>
  address === undefined || address === "" ? address : part(address);

/** Of MAIL and RCPT, what stands behind the colon. */
const argumentOf = ({ text, argument }: AclSession["command"]): string =>
  /^(?:mail|rcpt)/i.test(text) ? argument.replace(/^(?:from|to)[ \t]*:[ \t]*/i, "") : argument;

const hostOf = ({ helo, hostName, client }: AclSession["connection"]) => ({ helo, hostName, address: client.address });

/** From the last RCPT on. */
const allRecipients = ({ message, run }: AclSession): readonly string[] | undefined =>
  message.content === undefined && run?.stage !== "predata" ? undefined : message.recipients;

/** `esmtpsa` and its relatives (RFC 3848, RFC 6531 §4.3). What EHLO adds is known once EHLO is accepted. */
function protocol({ connection, message, run }: AclSession): string | undefined {
  const { client, helo, tls, authentication } = connection;
  if (helo === "" && client.address === "") return undefined;
  const isExtended = helo !== "" && connection.isExtended && run?.stage !== "helo";
  const s = tls === undefined ? "" : message.isRequireTls ? "S" : "s";
  // RFC 3848 knows no SMTP with it.
  const a = authentication === undefined || !isExtended ? "" : "a";
  const utf8 = message.isSmtpUtf8 && message.returnPath !== undefined ? "utf8" : "";
  return `${utf8}${isExtended ? "esmtp" : "smtp"}${s}${a}`;
}

const withoutLastLineEnd = (text: string): string => (text.endsWith("\n") ? text.slice(0, -1) : text);

/** Line ends and NULs as blanks, as `message_body_newlines` has it by default. */
const visible = (body: string): string => body.replaceAll(/[\n\0]/g, " ");

/** With the empty line behind them, without our own Received field. */
const headerLineCount = ({ headerLines }: { readonly headerLines: readonly string[] }): number =>
  headerLines.reduce((count, line) => count + linesIn(line), 1) - linesIn(ownReceived(headerLines));

const linesIn = (text: string): number => text.split("\n").length - 1;

function replyAddress(headers: { occurrences(name: string): readonly string[] } | undefined): string | undefined {
  if (headers === undefined) return undefined;
  for (const name of ["reply-to", "from"]) {
    const value = trim(headers.occurrences(name).join(","));
    if (value !== "") return value;
  }
  return "";
}
