import type { Attempt } from "./attempt.ts";
import type { RoutedHost } from "./hosts/routed-host.ts";
import type { RoutedAddress } from "./routed-address.ts";

/** Exim's numbers for errors that have none from the system, as they stand in its log: `defer (-36)`. */
export const errorNumbers = {
  unknown: -1,
  pipeForbidden: -11,
  fileForbidden: -12,
  badRedirect: -17,
  held: -23,
  expansion: -27,
  badTransport: -30,
  unknownHost: -32,
  dns: -36,
  queued: -56,
} as const;

/** Not now. */
export interface Deferred {
  readonly kind: "deferred";
  readonly text: string;
  readonly errno: number;
  /** The message waits for an operator. */
  readonly isFrozen?: boolean;
}

/** Where a local transport runs, if its router says so. */
export interface TransportDirectories {
  readonly home: string | undefined;
  readonly current: string | undefined;
}

/** The address goes to a transport. */
export interface Accepted {
  readonly kind: "accepted";
  /** Undefined only when verifying. */
  readonly transport: string | undefined;
  readonly isLocal: boolean;
  /** In the order in which they are tried; undefined: the transport knows. */
  readonly hosts?: readonly RoutedHost[] | undefined;
  /** `$host` of a local transport. */
  readonly hostText?: string | undefined;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly fallbackHosts?: string | undefined;
  /** `transport_home_directory`, `transport_current_directory` */
  readonly directories?: TransportDirectories | undefined;
}

/** An address that a router has made. A file or a pipe is at its end already. */
export interface Child {
  readonly address: RoutedAddress;
  readonly end?:
    | { readonly result: Accepted | Failed | Deferred; readonly attempt: Attempt }
    | { readonly result: Deferred; readonly attempt: undefined };
}

/** Never. */
export interface Failed {
  readonly kind: "failed";
  readonly text: string;
  /** What is delivered all the same: it stands before a `:fail:`. */
  readonly children?: readonly Child[];
}

/** What a router says about an address that met its preconditions (Exim's manual, "Router results"). */
export type DriverResult =
  | Accepted
  /** Others take its place. */
  | { readonly kind: "redirected"; readonly children: readonly Child[] }
  /** It goes on under another domain, from the first router. */
  | { readonly kind: "rerouted"; readonly child: RoutedAddress }
  | { readonly kind: "discarded" }
  /** Not mine: the next one, unless `no_more` is set. */
  | { readonly kind: "declined"; readonly text?: string; readonly why?: string }
  /** The next one, whatever `more` says. */
  | { readonly kind: "passed"; readonly why?: string }
  | Failed
  | Deferred;

/** A deferral; the number is Exim's, or none in particular. */
export function deferred(text: string, errno: number = errorNumbers.unknown): Deferred {
  return { kind: "deferred", text, errno };
}
