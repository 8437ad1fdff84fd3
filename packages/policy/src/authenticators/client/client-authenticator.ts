import type { Eventual } from "../../expansion/code.ts";
import type { Evaluation } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import type { Value } from "../../expansion/value.ts";

/** What expansions may know about a connection of ours to a host. */
export interface ConnectionView {
  readonly host: { readonly name: string; readonly address: string; readonly port: number };
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** AUTH was passed. */
  readonly isAuthenticated: boolean;
  /** In clear text: undefined. @property cipher `TLS1.3:TLS_AES_256_GCM_SHA384:256` */
  readonly tls:
    | {
        readonly cipher: string;
        readonly peerName: string | undefined;
        readonly serverName: string | undefined;
        readonly isVerified: boolean;
        /** Bits of `$tls_out_resumption`. */
        readonly resumption: number;
      }
    | undefined;
}

/** A turn of our side of a SASL exchange (RFC 4954 §4), octets without base64. */
export type ClientStep =
  /** @property octets Undefined, as the first one: AUTH has only the mechanism's name behind it. */
  | {
      readonly kind: "send";
      readonly octets: string | undefined;
      readonly answered: (challenge: string) => Eventual<ClientStep>;
    }
  /** Not by this authenticator: nothing is said, or the exchange is broken off. @property why For the log. */
  | { readonly kind: "cancel"; readonly why?: string }
  /** It is not known for now what to say. */
  | { readonly kind: "error"; readonly text: string };

/** An authenticator as it is for one message and one connection. */
export interface ClientExchange {
  /** `client_condition` */
  isWanted(): Eventual<boolean>;
  begin(): Eventual<ClientStep>;
  /** `client_set_id`: who we are then. */
  id(): Eventual<string | undefined>;
}

/** An authenticator with a client's part, for one message. */
export interface ClientAuthenticator {
  readonly name: string;
  /** `public_name`, in upper case. */
  readonly publicName: string;
  /** Challenges that are no base64 are taken for what they are. */
  readonly takesAnyChallenge: boolean;
  exchange(connection: ConnectionView): ClientExchange;
}

/** Makes the first turn. @param values What the exchange may set: `$auth1` and its like. */
export type ClientMechanism = (evaluation: Evaluation, values: ClientValues) => Eventual<ClientStep>;

/** `$auth1`, `$auth2`, …: what the server has said, in turn. */
export class ClientValues {
  readonly values: Value[] = [];
}

/** Before it is known for which message. */
export interface CompiledClientAuthenticator {
  readonly name: string;
  readonly publicName: string;
  readonly takesAnyChallenge: boolean;
  readonly mechanism: ClientMechanism;
  /** `client_condition`, `client_set_id` */
  readonly condition: Expansion | undefined;
  readonly setId: Expansion | undefined;
  /** All that is expanded, as it is written. */
  readonly texts: readonly string[];
}
