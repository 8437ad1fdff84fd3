import type { Expansion } from "../../expansion/expansion.ts";
import type { ClientMechanism } from "./client-authenticator.ts";
import { expandedStep } from "./expanded-step.ts";
import { withNuls } from "./plaintext.ts";

/** EXTERNAL (RFC 4422 appendix A): who we are, the server knows from our certificate. @param send `client_send` */
export function externalClient(send: Expansion): ClientMechanism {
  return (evaluation) =>
    expandedStep(send, evaluation, (text) => ({
      kind: "send",
      octets: withNuls(text),
      answered: () => ({ kind: "error", text: "the server asks for more" }),
    }));
}
