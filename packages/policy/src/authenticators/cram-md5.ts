import { createHmac, timingSafeEqual } from "node:crypto";
import type { Expansion } from "../expansion/expansion.ts";
import { textOf } from "../expansion/value.ts";
import { authCondition, expanded } from "./auth-condition.ts";
import { AuthValues } from "./auth-values.ts";
import { failed, type Mechanism } from "./mechanism.ts";

export interface CramMd5Options {
  /** `server_secret`: the password of `$auth1`. */
  readonly secret: Expansion;
  /** `server_condition` */
  readonly condition: Expansion | undefined;
  readonly hostname: string;
}

/** CRAM-MD5 (RFC 2195; Exim's manual, "The cram_md5 authenticator"). */
export function cramMd5({ secret, condition, hostname }: CramMd5Options): Mechanism {
  return (initial, session) => {
    if (initial !== undefined) return { kind: "end", result: "initial data not expected" };
    const { now, random } = session.evaluation.around;
    // RFC 2195 §2: unique each time.
    const challenge = `<${random(2 ** 32)}.${now()}@${hostname}>`;
    return {
      kind: "ask",
      challenge,
      answered(response) {
        const [, name, digest] = /^([^\t-\r ]*)[\t-\r ]+([\s\S]*)$/.exec(response) ?? [];
        if (name === undefined || digest === undefined) return failed;
        new AuthValues(session).addAll(name);
        return expanded(secret, session, (value) => {
          // Nobody's password is empty: that is a lookup which has found nobody.
          if (textOf(value) === "") return failed;
          const right = createHmac("md5", Buffer.from(textOf(value), "latin1"))
            .update(challenge, "latin1")
            .digest("hex");
          return isSame(right, digest) ? authCondition(condition, session) : failed;
        });
      },
    };
  };
}

/** RFC 2195 §2: 32 digits in lower case. */
const isSame = (right: string, given: string): boolean =>
  right.length === given.length && timingSafeEqual(Buffer.from(right, "latin1"), Buffer.from(given, "latin1"));
