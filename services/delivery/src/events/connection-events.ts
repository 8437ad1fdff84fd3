import type { X509Certificate } from "node:crypto";
import type { RaisedEvent } from "@postbus/policy";
import { distinguishedName } from "@postbus/tls";

/** `tls:cert`, of deliveries and of callouts. @param depth 0: the host's own. */
export function certificateEvent(depth: number, certificate: X509Certificate): RaisedEvent {
  const variables = {
    tls_out_peercert: certificate.raw.toString("latin1"),
    tls_out_peerdn: distinguishedName(certificate),
    // As in Exim: nothing has been found out yet.
    tls_out_ocsp: 1,
  };
  return { name: "tls:cert", data: String(depth), variables };
}

/** `dns:fail`: there is no such host, or nobody could tell. @param isKnown That there is none. */
export function lookupEvents(name: string, isKnown: boolean): readonly RaisedEvent[] {
  const about = `${isKnown ? "DNS_NOMATCH" : "DNS_AGAIN"}:${name.replaceAll(":", "::")}`;
  // The system is asked for both kinds of addresses at once.
  return ["AAAA", "A"].map((type) => ({ name: "dns:fail", data: `${about}:${type}` }));
}
