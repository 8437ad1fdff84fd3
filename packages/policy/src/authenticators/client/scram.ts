import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Expansion } from "../../expansion/expansion.ts";
import type { ClientMechanism, ClientStep } from "./client-authenticator.ts";
import { expandedStep } from "./expanded-step.ts";

export interface ScramClientOptions {
  readonly hash: "sha1" | "sha256";
  /** `client_username`, `client_password` */
  readonly name: Expansion;
  readonly password: Expansion;
  /** `client_authz`: for whom, if it is somebody else. */
  readonly authorization: Expansion | undefined;
}

/** RFC 5802 §7: server-first-message. */
const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,7})(?:,[^\0]*)?$/;
/** Fewer would help whoever wants to guess (RFC 7677 §4 wants 4,096); more would make us work for a server without end. */
const MIN_ITERATIONS = 1_000;
const MAX_ITERATIONS = 1_000_000;

const derive = promisify(pbkdf2);

/** SCRAM (RFC 5802; RFC 7677) without channel binding. The server has to show that it knows the password, too. */
export function scramClient(options: ScramClientOptions): ClientMechanism {
  const { name, password, authorization } = options;
  return (evaluation) =>
    expandedStep(name, evaluation, (user) =>
      expandedStep(password, evaluation, (secret) => {
        if (authorization === undefined) return first(options.hash, user, secret, "");
        return expandedStep(authorization, evaluation, (other) => first(options.hash, user, secret, other));
      }),
    );
}

function first(hash: "sha1" | "sha256", user: string, password: string, authorization: string): ClientStep {
  const header = authorization === "" ? "n,," : `n,a=${saslName(authorization)},`;
  const nonce = randomBytes(18).toString("base64");
  const bare = `n=${saslName(user)},r=${nonce}`;
  return {
    kind: "send",
    octets: header + bare,
    async answered(message) {
      const [, whole = "", salt = "", count = ""] = SERVER_FIRST.exec(message) ?? [];
      const iterations = Number(count);
      if (!whole.startsWith(nonce) || whole === nonce) return cancel("the server's challenge is no answer to ours");
      if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
        return cancel(`the server wants ${iterations} iterations`);
      }
      const octets = Buffer.from(password, "latin1").toString("utf8").normalize("NFKC");
      const length = hash === "sha1" ? 20 : 32;
      const salted = await derive(octets, Buffer.from(salt, "base64"), iterations, length, hash);
      const withoutProof = `c=${Buffer.from(header, "latin1").toString("base64")},r=${whole}`;
      return proved(hash, salted, `${bare},${message},${withoutProof}`, withoutProof);
    },
  };
}

function proved(hash: "sha1" | "sha256", salted: Buffer, authMessage: string, withoutProof: string): ClientStep {
  const clientKey = hmac(hash, salted, "Client Key");
  const signature = hmac(hash, createHash(hash).update(clientKey).digest(), authMessage);
  const proof = Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0)));
  const verifier = hmac(hash, hmac(hash, salted, "Server Key"), authMessage);
  return {
    kind: "send",
    octets: `${withoutProof},p=${proof.toString("base64")}`,
    answered(message) {
      const [, given = ""] = /^v=([A-Za-z0-9+/=]+)/.exec(message) ?? [];
      const shown = Buffer.from(given, "base64");
      if (shown.length !== verifier.length || !timingSafeEqual(shown, verifier)) {
        return cancel("the server does not know the password");
      }
      return { kind: "send", octets: "", answered: () => cancel("the server asks for more") };
    },
  };
}

const cancel = (why: string): ClientStep => ({ kind: "cancel", why });

/** RFC 5802 §5.1. */
const saslName = (text: string): string => text.replaceAll("=", "=3D").replaceAll(",", "=2C");

const hmac = (hash: string, key: Buffer, text: string): Buffer =>
  createHmac(hash, key).update(Buffer.from(text, "latin1")).digest();
