import type { Eventual } from "../expansion/code.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { AuthValues } from "./auth-values.ts";
import { addParams } from "./external.ts";
import type { Mechanism, MechanismStep } from "./mechanism.ts";

/**
 * Exim's manual, "The tls authenticator": the client's certificate is enough. @param params `server_param1` to `…3`, which
 * become `$auth1` to `$auth3`.
 */
export function tlsAuthenticator(params: readonly Expansion[], condition: Expansion | undefined): Mechanism {
  return (_, session): Eventual<MechanismStep> => addParams(params, new AuthValues(session), session, condition);
}
