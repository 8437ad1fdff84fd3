import { domainOf } from "@postbus/mail";
import type { SmtpTransport } from "../policy.ts";

/** What the built-in ACL and routers decide by. */
export interface Site {
  /** An unqualified address, which only `postmaster` may have (RFC 5321 §4.5.1), belongs here. */
  readonly qualifyDomain: string;
  /** Domains in lower case. */
  readonly isLocalDomain: (domain: string) => boolean;
  readonly mayRelay: (clientAddress: string) => boolean;
  /** Of the transport to the smart host; empty: no way out. */
  readonly smarthosts: SmtpTransport["hosts"];
}

export const domainFor = (site: Site, address: string): string =>
  address.includes("@") ? domainOf(address) : site.qualifyDomain;
