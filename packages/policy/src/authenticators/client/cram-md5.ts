import { createHmac } from "node:crypto";
import type { Expansion } from "../../expansion/expansion.ts";
import type { ClientMechanism } from "./client-authenticator.ts";
import { expandedStep } from "./expanded-step.ts";

export interface CramMd5ClientOptions {
  /** `client_name`, `client_secret` */
  readonly name: Expansion;
  readonly secret: Expansion;
}

/** CRAM-MD5 (RFC 2195): the server's challenge, signed with what both sides know. */
export function cramMd5Client({ name, secret }: CramMd5ClientOptions): ClientMechanism {
  return (evaluation) =>
    expandedStep(name, evaluation, (user) =>
      expandedStep(secret, evaluation, (key) => ({
        kind: "send",
        octets: undefined,
        answered(challenge) {
          const digest = createHmac("md5", Buffer.from(key, "latin1")).update(challenge, "latin1").digest("hex");
          return { kind: "send", octets: `${user} ${digest}`, answered: () => MORE };
        },
      })),
    );
}

const MORE = { kind: "error", text: "the server asks for more" } as const;
