import type { AclSession } from "../acl/session.ts";
import type { Eventual } from "../expansion/code.ts";

/** What an authenticator finds in the end. */
export type AuthResult =
  | "ok"
  | "failed"
  /** It cannot be decided now. */
  | "deferred"
  /** The mechanism has nothing to say in the AUTH command itself. */
  | "initial data not expected";

/** One turn of a SASL exchange (RFC 4954 §4), octets without base64. */
export type MechanismStep =
  /** 334; goes on with what the client answers. */
  | {
      readonly kind: "ask";
      readonly challenge: string;
      readonly answered: (response: string) => Eventual<MechanismStep>;
    }
  /** @property why Of a deferral, for the log. @property said Behind the reply's usual words. */
  | { readonly kind: "end"; readonly result: AuthResult; readonly why?: string; readonly said?: string };

/** The server's side of a mechanism. @param initial What came with the AUTH command; undefined: nothing. */
export type Mechanism = (initial: string | undefined, session: AclSession) => Eventual<MechanismStep>;

export const failed: MechanismStep = { kind: "end", result: "failed" };
