import type { Deferred, Delivered, Failed } from "@postbus/contracts";
import { localPartOf } from "@postbus/mail";
import { endOf, type LogStyle, ownEnd, span } from "../log-style.ts";
import { osErrorText } from "../os-error-text.ts";
import { printable } from "../printable.ts";

/** Exim cuts the next hop's reply there (`C=`). */
const MAX_CONFIRMATION = 1_024;

/** `FINAL (parent) <original> F= P= R= T= S= H= DS PRX= I= PS= X= CV= DN= A= L PRDR K ST= C="…" QT= DT=`. */
export function delivery(event: Delivered, style: LogStyle): string {
  const { transport, confirmation, hostText, shadow } = event;
  const { selectors } = style;
  // Without a transport nothing was carried: the router has thrown it away.
  if (transport === undefined) return blackhole(event);
  let line = address(event, style, style.isAsLocal(event.router, transport));
  line += senders(event, style) + route(event);
  if (event.sentOctets !== undefined && selectors.has("delivery_size")) line += ` S=${event.sentOctets}`;
  const hop = host(event, style, event.reused === true ? "*" : "");
  if (hop === "" && hostText !== undefined) line += ` H=${printable(hostText)}`;
  line += hop + sessionSteps(event) + tls(event, style) + extensions(event, style);
  if (shadow !== undefined) line += ` ST=${printable(shadow)}`;
  if (confirmation !== undefined && selectors.has("smtp_confirmation")) line += ` C="${quoted(confirmation)}"`;
  if (event.queuedMs !== undefined && selectors.has("queue_time")) line += ` QT=${span(event.queuedMs, style)}`;
  return line + deliverTime(event, style);
}

/** `ADDRESS R= T= defer (ERRNO): STRERROR H=host [ip] DT=: MESSAGE`. @param isPutOff Before it was routed. */
export function deferral(event: Deferred, style: LogStyle, isPutOff: boolean): string {
  const { errno, text } = event;
  const strerror = errno > 0 ? osErrorText(errno) : "";
  let line = address(event, style) + route(event) + (isPutOff ? " routing" : "");
  line += ` defer (${errno})${strerror === "" ? "" : `: ${strerror}`}`;
  line += host(event, style) + deliverTime(event, style);
  if (text !== "" && text.toLowerCase() !== strerror.toLowerCase()) line += `: ${printable(text)}`;
  return line;
}

/** `ADDRESS F= P= R= T= H= PS= X=: MESSAGE DT=`, with the separator of Exim up to 4.98, which every tool reads. */
export function failure(event: Failed, style: LogStyle): string {
  const line = address(event, style) + senders(event, style) + route(event) + host(event, style);
  return `${line}${sessionSteps(event)}${tls(event, style)}: ${printable(event.text)}${deliverTime(event, style)}`;
}

type Attempt = Pick<
  Delivered,
  | "recipient"
  | "parents"
  | "router"
  | "transport"
  | "returnPath"
  | "errorsTo"
  | "host"
  | "hostAddress"
  | "hostPort"
  | "isHostSigned"
  | "proxyAddress"
  | "proxyPort"
  | "localAddress"
  | "localPort"
  | "tookMs"
>;

/** Items of redirect lists that are no mailboxes: pipe, file, reply. */
const isNoMailbox = (recipient: string): boolean => /^[|/>]/.test(recipient);

function address({ recipient, parents = [] }: Attempt, { selectors }: LogStyle, isAsLocal = false): string {
  const isSpecial = isNoMailbox(recipient);
  const showsAll = selectors.has("all_parents");
  const shown = isAsLocal && !isSpecial ? localPartOf(recipient) : recipient;
  const original = parents.at(-1) ?? recipient;
  const between = parents.slice(0, -1);
  const told = showsAll ? between : isSpecial ? between.slice(0, 1) : [];
  const ways = told.length === 0 ? "" : ` (${told.map(printable).join(", ")})`;
  const isSame = isSameAddress(shown, original) && ways === "";
  return isSame ? printable(shown) : `${printable(shown)}${ways} <${printable(original)}>`;
}

/** Domains in whatever case. */
function isSameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() && localPartOf(a) === localPartOf(b);
}

function blackhole({ recipient, parents = [], router }: Delivered): string {
  return `:blackhole: <${printable(parents.at(-1) ?? recipient)}>${router === undefined ? "" : ` R=${router}`}`;
}

function senders(
  { returnPath, errorsTo, transport, srsSender }: Attempt & Pick<Delivered, "srsSender">,
  { selectors }: LogStyle,
): string {
  const from = selectors.has("sender_on_delivery") ? ` F=<${printable(returnPath)}>` : "";
  const srs = srsSender === undefined ? "" : ` SRS=<${printable(srsSender)}>`;
  // Without a transport there is no delivery that could have a return path.
  if (!selectors.has("return_path_on_delivery") || transport === undefined) return from + srs;
  return `${from}${srs} P=<${printable(errorsTo ?? returnPath)}>`;
}

function route({ router, transport }: Attempt): string {
  const by = router === undefined ? "" : ` R=${router}`;
  return transport === undefined ? by : `${by} T=${transport}`;
}

function host(event: Attempt, { selectors }: LogStyle, behind = ""): string {
  const { host: name, hostAddress, hostPort, proxyAddress, proxyPort } = event;
  if (name === undefined && hostAddress === undefined) return "";
  const shown = printable(name ?? hostAddress ?? "");
  const showsPort = selectors.has("outgoing_port");
  const signed = event.isHostSigned === true ? " DS" : "";
  const at = hostAddress === undefined ? "" : ` ${endOf(hostAddress, showsPort ? hostPort : undefined)}`;
  const by = proxyAddress === undefined ? "" : ` PRX=${endOf(proxyAddress, showsPort ? proxyPort : undefined)}`;
  return ` H=${shown}${signed}${at}${behind}${by}${ownEnd(event)}`;
}

/** ` PS=ese`: EHLO, STARTTLS, EHLO. */
const sessionSteps = ({ steps = "" }: Pick<Delivered, "steps">): string => (steps === "" ? "" : ` PS=${steps}`);

function tls(
  {
    cipher,
    certificateVerified,
    peerName,
    isResumed,
  }: Pick<Delivered, "cipher" | "certificateVerified" | "peerName" | "isResumed">,
  { selectors }: LogStyle,
): string {
  if (cipher === undefined) return "";
  let fields = selectors.has("tls_cipher") ? ` X=${cipher}${isResumed === true ? "*" : ""}` : "";
  if (certificateVerified !== undefined && selectors.has("tls_certificate_verified")) {
    fields += ` CV=${certificateVerified ? "yes" : "no"}`;
  }
  return peerName !== undefined && selectors.has("tls_peerdn") ? `${fields} DN="${printable(peerName)}"` : fields;
}

function extensions(event: Delivered, { selectors }: LogStyle): string {
  const { authenticator, authenticatedId, isPipelined, isPrdr, isChunked, signers } = event;
  let fields = authenticator === undefined ? "" : ` A=${authenticator}`;
  if (authenticator !== undefined && authenticatedId !== undefined) fields += `:${printable(authenticatedId)}`;
  if (isPipelined === true && selectors.has("pipelining")) fields += " L";
  if (isPrdr === true) fields += " PRDR";
  if (isChunked === true) fields += " K";
  if (signers !== undefined && selectors.has("dkim_verbose")) fields += ` DKIM=${printable(signers.join(":"))}`;
  return fields;
}

const deliverTime = ({ tookMs }: Attempt, style: LogStyle): string =>
  tookMs === undefined || !style.selectors.has("deliver_time") ? "" : ` DT=${span(tookMs, style)}`;

const quoted = (text: string): string => printable(text).replace(/["\\]/g, "\\$&").slice(0, MAX_CONFIRMATION);
