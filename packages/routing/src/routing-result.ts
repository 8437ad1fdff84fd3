import type { Value } from "@postbus/policy";
import type { AddressOrigin } from "./address-origin.ts";
import type { RoutedHost } from "./hosts/routed-host.ts";
import type { AddressKind } from "./routed-address.ts";
import type { TraceStep } from "./trace.ts";

interface Routed {
  /** As it was written; a pipe with its `|`, a file with its `/`. */
  readonly address: string;
  /** The addresses it was made of, the nearest first; the last is the one that was asked about. */
  readonly parents: readonly string[];
  /** For routing it again; absent: there is nothing to be known. */
  readonly origin?: AddressOrigin | undefined;
}

/** The address goes to a transport. */
export interface Delivery extends Routed {
  readonly kind: "deliver";
  /** `mailbox`, or what a redirect list names: a pipe, a file, a directory. */
  readonly to: AddressKind;
  readonly router: string;
  /** Undefined only when verifying, at a router that needs none. */
  readonly transport: string | undefined;
  readonly isLocal: boolean;
  /** Next hops in the order in which they are tried; undefined: the transport knows. */
  readonly hosts: readonly RoutedHost[] | undefined;
  /** `$host` of a local transport: the hosts as manualroute has them. */
  readonly hostText: string | undefined;
  /** Hosts to be tried when all others defer: a list as it stands in `fallback_hosts`, expanded. */
  readonly fallbackHosts: string | undefined;
  /** Equal for deliveries of which only one is made. */
  readonly unique: string;
  /** There is one of the same name before this one: it is not made. */
  readonly isDuplicate: boolean;
  /** Return path and target of bounces; undefined: the message's own. */
  readonly errorsTo: string | undefined;
  /** Return path alone, if `errorsTo` is not set: `srs = forward`. */
  readonly srsSender?: string | undefined;
  /** Failures make no bounce. */
  readonly ignoresErrors: boolean;
  readonly headersAdd: readonly string[];
  readonly headersRemove: readonly string[];
  /** A success report is sent here, and DSN parameters are not passed on. */
  readonly isLastHop: boolean;
  /** User and group of a local delivery, as the router names them. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /**
   * What the variables of the address are while it is delivered: `local_part`, `domain`, `address_data`, `home`, `r_…`, and
   * their relatives; those without a value are left out.
   */
  readonly variables: ReadonlyMap<string, Value>;
  /** `hide_child_in_errmsg` */
  readonly isHiddenInBounces: boolean;
  /** Not `disable_logging`. */
  readonly isLogged: boolean;
  /** `log_as_local`: if the delivery is a local one, the log has the local part alone. */
  readonly isLoggedAsLocal: boolean;
}

/** Nobody takes it. */
export interface RoutingFailure extends Routed {
  readonly kind: "fail";
  /** Undefined: no router did, there were none left. */
  readonly router: string | undefined;
  readonly text: string;
  /** For a client, where it is another text. A reply code at the beginning is the operator's. */
  readonly replyText: string | undefined;
  readonly errorsTo: string | undefined;
  readonly ignoresErrors: boolean;
}

/** It cannot be said now. */
export interface RoutingDeferral extends Routed {
  readonly kind: "defer";
  readonly router: string | undefined;
  readonly text: string;
  readonly replyText: string | undefined;
  /** The text was written to be read by clients: it stands behind `:defer:`. */
  readonly isTextForClient: boolean;
  /** Exim's number, as in `defer (-36)`. */
  readonly errno: number;
  /** The message waits for an operator. */
  readonly isFrozen: boolean;
  /**
   * What the failure is remembered of: the whole address (`retry_use_local_part`), or its domain; undefined: of this one alone,
   * no router is to blame.
   */
  readonly failing?: "address" | "domain" | undefined;
}

/** The policy wants it to vanish. */
export interface RoutingDiscard extends Routed {
  readonly kind: "discard";
  readonly router: string;
}

export type RoutingOutcome = Delivery | RoutingFailure | RoutingDeferral | RoutingDiscard;

/** What becomes of one recipient. */
export interface RoutingResult {
  /** In the order in which they were found. At least one. */
  readonly outcomes: readonly RoutingOutcome[];
  readonly trace: readonly TraceStep[];
  /** What the rewriting rules have made of an address that is tested. */
  readonly rewrittenAs?: string;
}
