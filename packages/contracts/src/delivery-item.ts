import { type Static, Type } from "typebox";
import { CarriedValue } from "./carried-value.ts";
import { messageFields } from "./envelope.ts";
import { subjectToken } from "./subject-token.ts";

/** router → delivery: "take this message to these recipients by this transport, in one transaction". */
export const DeliveryItem = Type.Object(
  {
    ...messageFields,
    /** Name of the router that decided (`R=` in the log). */
    router: Type.String({ minLength: 1 }),
    /** Name of a transport in the policy (`T=` in the log). */
    transport: Type.String({ minLength: 1 }),
    /** What the sender wants of reports is not passed on: `dsn_lasthop`. */
    isLastHop: Type.Optional(Type.Literal(true)),
    /** The recipients' domain, or that of the first; for limits and retry rules. */
    domain: Type.String(),
    /** Return path of this delivery and target of its bounces (`errors_to`), where it is not the sender; empty: failures make no report. */
    errorsTo: Type.Optional(Type.String()),
    /** Return path of this delivery where `errorsTo` is not set: it leads back to the sender by way of us (SRS). */
    srsSender: Type.Optional(Type.String()),
    /** Header lines that the routers add, in their order, each with its final LF. */
    headersAdd: Type.Optional(Type.Array(Type.String())),
    /** Colon-separated names of header lines that the routers remove. */
    headersRemove: Type.Optional(Type.Array(Type.String())),
    /** `fallback_hosts` of the router, expanded: hosts for when all others have deferred. */
    fallbackHosts: Type.Optional(Type.String()),
    /** The address is no mailbox but an item of a redirect list, and stands in the recipient as it was written. */
    to: Type.Optional(Type.Enum(["pipe", "file", "directory"])),
    /** User and group of a local delivery, as the router names them. */
    user: Type.Optional(Type.String()),
    group: Type.Optional(Type.String()),
    /** `$host` of a local transport: the hosts as manualroute has them. */
    hostText: Type.Optional(Type.String()),
    /** Of a local delivery, which the log knows by its local part: the whole address is logged, as the router's `log_as_local` says. */
    isLoggedInFull: Type.Optional(Type.Literal(true)),
    /** `disable_logging` of the router. */
    isUnlogged: Type.Optional(Type.Literal(true)),
    /** Of items that earlier versions have made; it says nothing any more. */
    isRetriedByLocalPart: Type.Optional(Type.Literal(true)),
    /** Next hops in the order in which they are tried, `host` or `host::port`; absent: the transport knows. */
    hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    /** The IP address of each of the hosts, as routing has found it; empty: delivery looks for it. */
    hostAddresses: Type.Optional(Type.Array(Type.String())),
    /** The hosts come from MX records: `refused_MX` and its like in retry rules. */
    areMx: Type.Optional(Type.Literal(true)),
    /** With `requireTls`, of each of the hosts: that it is the right one is configured, or signed in the DNS (RFC 8689 §4.2.1). */
    knownHosts: Type.Optional(Type.Array(Type.Boolean())),
    /** Of each of the hosts, that the DNS has vouched for its name and address; there only if `log_selector` asks for it and there is one. */
    signedHosts: Type.Optional(Type.Array(Type.Boolean())),
    /** For each recipient, the variables that the transport's options may name (`local_part`, `address_data`, `r_…`). */
    addressVariables: Type.Optional(Type.Array(Type.Record(Type.String(), CarriedValue))),
  },
  { additionalProperties: false },
);
export type DeliveryItem = Static<typeof DeliveryItem>;

/** @param transportClass What kind of work it is: `smtp` or `local`. */
export function deliverySubject(transportClass: "smtp" | "local", domain: string): string {
  return `mail.deliver.0.${transportClass}.${subjectToken(domain)}`;
}
