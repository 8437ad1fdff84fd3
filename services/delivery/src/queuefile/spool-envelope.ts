import type { CarriedValue, DeliveryItem } from "@postbus/contracts";
import type { BodyFigures } from "./body-figures.ts";
import { oneLine } from "./one-line.ts";
import { spoolRecipient } from "./spool-recipient.ts";

interface EnvelopeOptions {
  readonly name: string;
  readonly item: DeliveryItem;
  readonly figures: BodyFigures;
  /** Who has written the file. */
  readonly writer: { readonly login: string; readonly uid: number; readonly gid: number };
}

/** Nobody has been served yet. */
const NO_NON_RECIPIENTS = "XX";

/**
 * What stands in a `-H` file before the header section, up to the blank line (Exim's manual, "Format of spool files"): all that
 * is known of how the message came, and its recipients.
 */
export function spoolEnvelope({ name, item, figures, writer }: EnvelopeOptions): string {
  const seconds = Math.floor(item.receivedAtMs / 1000);
  const lines = [
    `${name}-H`,
    `${writer.login} ${writer.uid} ${writer.gid}`,
    `<${oneLine(item.returnPath)}>`,
    `${seconds} 0`,
    ...timeLines(item, seconds),
    ...clientLines(item),
    ...aclLines(item, "c"),
    ...aclLines(item, "m"),
    ...bodyLines(figures),
    ...messageLines(item),
    ...spamLines(item),
    ...ours("bmi_verdicts", item.bmiVerdicts?.join(":")),
    ...tlsLines(item),
    ...dsnLines(item),
    NO_NON_RECIPIENTS,
    `${item.recipients.length}`,
    ...item.recipients.map(spoolRecipient),
  ];
  return `${lines.join("\n")}\n\n`;
}

function timeLines({ receivedAtMs }: DeliveryItem, seconds: number): string[] {
  const fraction = `.${String(receivedAtMs - seconds * 1000).padStart(3, "0")}000`;
  return [`-received_time_usec ${fraction}`, `-received_time_complete ${seconds}${fraction}`];
}

/** What a peer has chosen has two hyphens. */
const ofPeer = (name: string, value: string | undefined): string[] =>
  value === undefined || value === "" ? [] : [`--${name} ${oneLine(value)}`];
const ours = (name: string, value: string | number | undefined): string[] =>
  value === undefined || value === "" ? [] : [`-${name} ${oneLine(String(value))}`];
const flag = (name: string, isSet: boolean | undefined): string[] => (isSet === true ? [`-${name}`] : []);

function clientLines({ reception }: DeliveryItem): string[] {
  const { helo, clientAddress, clientPort, authenticator, protocol } = reception;
  const address = clientAddress === undefined ? undefined : `[${clientAddress}]:${clientPort ?? 0}`;
  return [
    ...ofPeer("helo_name", helo),
    ...ofPeer("host_address", address),
    ...ours("host_auth", authenticator),
    ...ours("received_protocol", protocol),
  ];
}

/** Their values are taken by their lengths, whatever octets they have. */
function aclLines({ aclVariables = {} }: DeliveryItem, kind: "c" | "m"): string[] {
  const prefix = `acl_${kind}`;
  const names = Object.keys(aclVariables).filter((name) => name.startsWith(prefix));
  return names.sort().flatMap((name) => {
    const carried: CarriedValue = aclVariables[name] ?? "";
    const [hyphens, value] = typeof carried === "string" ? ["-", carried] : ["--", carried.tainted];
    return [`${hyphens}acl${kind} ${name.slice(prefix.length)} ${value.length}`, value];
  });
}

function bodyLines({ lines, longestLine, zeros }: BodyFigures): string[] {
  return [
    `-body_linecount ${lines}`,
    `-max_received_linelength ${longestLine}`,
    ...ours("body_zerocount", zeros === 0 ? undefined : zeros),
  ];
}

function messageLines({ reception, returnPath }: DeliveryItem): string[] {
  return [
    ...ofPeer("auth_id", reception.authenticatedId),
    ...flag("deliver_firsttime", true),
    ...flag("local", reception.protocol === "local"),
    ...flag("localerror", reception.about !== undefined && returnPath === ""),
  ];
}

function spamLines({ reception: { spam } }: DeliveryItem): string[] {
  return [
    ...ours("spam_bar", spam?.bar),
    ...ours("spam_score", spam?.score),
    ...ours("spam_score_int", spam?.scoreInt),
  ];
}

function tlsLines({ reception }: DeliveryItem): string[] {
  const { cipher, certificateVerified, peerName, serverName } = reception;
  return [
    ...flag("tls_certificate_verified", certificateVerified),
    ...ours("tls_cipher", cipher),
    ...ofPeer("tls_peerdn", peerName),
    ...ofPeer("tls_sni", serverName),
    ...ours("tls_ver", cipher?.split(":")[0]),
  ];
}

/** RFC 3461 §4.3, by Exim's numbers. */
const RET = { FULL: 1, HDRS: 2 } as const;

function dsnLines({ smtpUtf8, utf8Downconvert, notification }: DeliveryItem): string[] {
  return [
    ...flag("smtputf8", smtpUtf8),
    // As in Exim, it is not said of a message in ASCII.
    ...flag("utf8_downcvt", smtpUtf8 && utf8Downconvert === 1),
    ...flag("utf8_optdowncvt", smtpUtf8 && utf8Downconvert === -1),
    ...ofPeer("dsn_envid", notification?.envid),
    ...ours("dsn_ret", notification?.ret === undefined ? undefined : RET[notification.ret]),
  ];
}
