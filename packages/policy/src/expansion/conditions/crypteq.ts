import { createHash, timingSafeEqual } from "node:crypto";
import type { Condition } from "../condition.ts";
import { crypt } from "../crypt/index.ts";
import { ExpansionFailure } from "../failures.ts";
import { both, withTwo } from "../subjects.ts";
import { textOf } from "../value.ts";

/** `crypteq{password}{encrypted}`: `{md5}`, `{sha1}` (hex or base64), `{crypt}`, or what crypt(3) of this system would say. */
export const crypteq: Condition = {
  name: "crypteq",
  compile: (parser) =>
    withTwo(both(parser, "crypteq"), (plain, encrypted, evaluation) => {
      evaluation.spend(STEPS);
      return isRight(textOf(plain), textOf(encrypted));
    }),
};

/** Encrypting is slow on purpose: some milliseconds each. */
const STEPS = 100_000;
/** Nobody has such a password, and encrypting it takes seconds. */
const MAX_PASSWORD = 1_024;

function isRight(plain: string, encrypted: string): boolean {
  if (plain.length > MAX_PASSWORD) return false;
  const [, method, rest = encrypted] = /^\{([^}]*)\}([\s\S]*)$/.exec(encrypted) ?? [];
  switch (method?.toLowerCase()) {
    case "md5":
    case "sha1":
      return isDigest(plain, rest, method.toLowerCase());
    case "crypt":
    case undefined:
      return isSame(crypt(plain, rest), rest);
    default:
      throw new ExpansionFailure(`unknown encryption mechanism in "${encrypted}"`);
  }
}

function isDigest(plain: string, encrypted: string, algorithm: string): boolean {
  const digest = createHash(algorithm).update(plain, "latin1").digest();
  if (encrypted.length === digest.length * 2) return isSame(digest.toString("hex"), encrypted.toLowerCase());
  return isSame(digest.toString("base64"), encrypted);
}

function isSame(a: string | undefined, b: string): boolean {
  return (
    a !== undefined && a.length === b.length && timingSafeEqual(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"))
  );
}
