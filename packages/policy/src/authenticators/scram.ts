import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { AclSession } from "../acl/session.ts";
import type { Expansion } from "../expansion/expansion.ts";
import { Tainted, textOf } from "../expansion/value.ts";
import { authCondition, expanded } from "./auth-condition.ts";
import { AuthValues } from "./auth-values.ts";
import { failed, type Mechanism, type MechanismStep } from "./mechanism.ts";

export const SCRAM_HASHES: Readonly<Record<string, "sha1" | "sha256">> = {
  "SCRAM-SHA-1": "sha1",
  "SCRAM-SHA-256": "sha256",
};

export interface ScramOptions {
  readonly hash: "sha1" | "sha256";
  /** `server_password`: that of `$auth1`. Absent: the two keys stand for it. */
  readonly password: Expansion | undefined;
  /** `server_key`, `server_skey`: base64. */
  readonly keys: { readonly stored: Expansion; readonly server: Expansion } | undefined;
  /** `server_scram_iter` */
  readonly iterations: Expansion;
  /** `server_scram_salt`: base64; absent: one that is made up, which only a password goes with. */
  readonly salt: Expansion | undefined;
  /** `server_condition` */
  readonly condition: Expansion | undefined;
}

/** RFC 7677 §4 wants 4,096 at least. Above a million, a client could be made to wait for a server that waits for itself. */
const MIN_ITERATIONS = 1_000;
const MAX_ITERATIONS = 1_000_000;

/** What both sides are to sign with. */
interface Keys {
  readonly stored: Buffer;
  readonly server: Buffer;
}

const derive = promisify(pbkdf2);

/** SCRAM (RFC 5802; RFC 7677) without channel binding, under the driver's name that Exim has it under: gsasl. */
export function scram(options: ScramOptions): Mechanism {
  return (initial, session) =>
    initial === undefined
      ? { kind: "ask", challenge: "", answered: (first) => clientFirst(first, options, session) }
      : clientFirst(initial, options, session);
}

/** RFC 5802 §7: client-first-message. */
const CLIENT_FIRST = /^([ny],(?:a=([^,\0]*))?,)((?:n=([^,\0]+)),r=([!-+\--~]+)(?:,[^\0]*)?)$/;
/** RFC 5802 §7: client-final-message. */
const CLIENT_FINAL = /^(c=([^,]*),r=([!-+\--~]+)(?:,[^\0]*?)?),p=([A-Za-z0-9+/=]+)$/;

function clientFirst(message: string, options: ScramOptions, session: AclSession) {
  const [, header, otherName = "", bare, ownName = "", clientNonce = ""] = CLIENT_FIRST.exec(message) ?? [];
  if (header === undefined || bare === undefined) return failed;
  const values = new AuthValues(session);
  // Whom it acts for is the policy's to allow: as in Exim, it is `$auth2`, empty if that is nobody else.
  for (const encoded of [ownName, otherName]) {
    // RFC 5802 §5.1: `=2C` and `=3D`, and no other `=`.
    if (/=(?!2C|3D)/.test(encoded)) return failed;
    values.add(new Tainted(encoded.replaceAll("=2C", ",").replaceAll("=3D", "=")));
  }
  return expanded(options.iterations, session, (written) => {
    const iterations = Number(textOf(written));
    if (!Number.isInteger(iterations) || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      return { kind: "end", result: "deferred", why: `server_scram_iter: ${textOf(written)}` } as const;
    }
    return withText(options.salt, session, (given) => {
      const salt = given === undefined || given === "" ? randomBytes(16) : Buffer.from(given, "base64");
      const nonce = `${clientNonce}${randomBytes(18).toString("base64")}`;
      const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
      return {
        kind: "ask",
        challenge: serverFirst,
        answered: (final) =>
          clientFinal(final, { header, nonce, said: `${bare},${serverFirst}` }, options, session, (password) =>
            derive(password.normalize("NFKC"), salt, iterations, options.hash === "sha1" ? 20 : 32, options.hash),
          ),
      };
    });
  });
}

function clientFinal(
  message: string,
  { header, nonce, said }: { readonly header: string; readonly nonce: string; readonly said: string },
  options: ScramOptions,
  session: AclSession,
  salted: (password: string) => Promise<Buffer>,
) {
  const [, withoutProof, binding = "", echoed, proof = ""] = CLIENT_FINAL.exec(message) ?? [];
  if (withoutProof === undefined || echoed !== nonce) return failed;
  if (Buffer.from(binding, "base64").toString("latin1") !== header) return failed;
  return withKeys(options, session, salted, ({ stored, server }) => {
    const authMessage = `${said},${withoutProof}`;
    const signature = hmac(options.hash, stored, authMessage);
    const given = Buffer.from(proof, "base64");
    if (given.length !== signature.length || stored.length !== signature.length) return failed;
    const clientKey = Buffer.from(given.map((octet, i) => octet ^ (signature[i] ?? 0)));
    if (!timingSafeEqual(createHash(options.hash).update(clientKey).digest(), stored)) return failed;
    const end = authCondition(options.condition, session);
    const verifier = `v=${hmac(options.hash, server, authMessage).toString("base64")}`;
    // RFC 5802 §5: the client wants to know that the server, too, knows the password, before it is told that all is well.
    const last = (step: MechanismStep): MechanismStep =>
      step.kind === "end" && step.result === "ok"
        ? { kind: "ask", challenge: verifier, answered: (response) => (response === "" ? step : failed) }
        : step;
    return end instanceof Promise ? end.then(last) : last(end);
  });
}

type Next<T> = (value: T) => MechanismStep | Promise<MechanismStep>;

function withKeys(
  { keys, password, hash }: ScramOptions,
  session: AclSession,
  salted: (password: string) => Promise<Buffer>,
  next: Next<Keys>,
) {
  if (keys !== undefined) {
    return expanded(keys.stored, session, (stored) =>
      expanded(keys.server, session, (server) =>
        next({ stored: Buffer.from(textOf(stored), "base64"), server: Buffer.from(textOf(server), "base64") }),
      ),
    );
  }
  if (password === undefined) return failed;
  return expanded(password, session, async (value) => {
    // Nobody's password is empty: that is a lookup which has found nobody.
    if (textOf(value) === "") return failed;
    // The octets of the policy language are UTF-8 to the client (RFC 5802 §2.2).
    const key = await salted(Buffer.from(textOf(value), "latin1").toString("utf8"));
    const stored = createHash(hash)
      .update(hmac(hash, key, "Client Key"))
      .digest();
    return next({ stored, server: hmac(hash, key, "Server Key") });
  });
}

function withText(expansion: Expansion | undefined, session: AclSession, next: Next<string | undefined>) {
  return expansion === undefined ? next(undefined) : expanded(expansion, session, (value) => next(textOf(value)));
}

const hmac = (hash: string, key: Buffer, text: string): Buffer =>
  createHmac(hash, key).update(Buffer.from(text, "latin1")).digest();
