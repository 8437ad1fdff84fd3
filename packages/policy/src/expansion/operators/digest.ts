import { createHash } from "node:crypto";
import { Certificate } from "../certificate.ts";
import { ExpansionFailure } from "../failures.ts";
import type { StateOperator } from "../operator.ts";
import { derived, textOf, type Value } from "../value.ts";

/** `${md5:text}`: lower-case hex, unlike the others. */
export const md5: StateOperator = {
  name: "md5",
  run: (subject) => (subject instanceof Certificate ? fingerprint(subject, "md5") : digest(subject, "md5")),
};

/** `${sha1:text}`; of a certificate variable, its fingerprint. */
export const sha1: StateOperator = { name: "sha1", run: (subject) => fingerprint(subject, "sha1") };

export const sha256: StateOperator = { name: "sha256", run: (subject) => fingerprint(subject, "sha256") };

/** `${sha2_384:text}`; 256, 384 or 512 bits. */
export const sha2: StateOperator = {
  name: "sha2",
  takesArgument: true,
  run: (subject, bits) => fingerprint(subject, chosen("sha2", bits, SHA2)),
};

/** `${sha3_384:text}`; 224, 256, 384 or 512 bits. */
export const sha3: StateOperator = {
  name: "sha3",
  takesArgument: true,
  run: (subject, bits) => fingerprint(subject, chosen("sha3", bits, SHA3)),
};

const SHA2: Readonly<Record<string, string | undefined>> = { "256": "sha256", "384": "sha384", "512": "sha512" };
const SHA3: Readonly<Record<string, string | undefined>> = {
  "224": "sha3-224",
  "256": "sha3-256",
  "384": "sha3-384",
  "512": "sha3-512",
};

function chosen(name: string, bits: string | undefined, algorithms: typeof SHA2): string {
  const algorithm = algorithms[bits ?? "256"];
  if (algorithm === undefined) throw new ExpansionFailure(`unrecognised ${name} variant`);
  return algorithm;
}

function fingerprint(subject: Value, algorithm: string): Value {
  const octets = subject instanceof Certificate ? subject.der : textOf(subject);
  return derived(subject, createHash(algorithm).update(octets, "latin1").digest("hex").toUpperCase());
}

function digest(subject: Value, algorithm: string): Value {
  return derived(subject, createHash(algorithm).update(textOf(subject), "latin1").digest("hex"));
}
