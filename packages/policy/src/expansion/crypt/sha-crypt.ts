import { createHash } from "node:crypto";
import { ExpansionFailure } from "../failures.ts";
import { toDigits } from "./base64-of-crypt.ts";

const DEFAULT_ROUNDS = 5_000;
const MIN_ROUNDS = 1_000;
/** The method allows a thousand million, which take half an hour. */
const MAX_ROUNDS = 20_000;

/** U. Drepper, "Unix crypt using SHA-256 and SHA-512", step 22: which octets make which digits. */
const ORDER_256 = [
  ...Array.from({ length: 10 }, (_, i) => [(i * 21) % 30, (i * 21 + 10) % 30, (i * 21 + 20) % 30]),
  [-1, 31, 30],
];
const ORDER_512 = [
  ...Array.from({ length: 21 }, (_, i) => [(i * 22) % 63, (i * 22 + 21) % 63, (i * 22 + 42) % 63]),
  [-1, -1, 63],
];

/** The methods `$5$` (SHA-256) and `$6$` (SHA-512). */
export function shaCrypt(plain: string, setting: string): string {
  const [, method = "", written, salt = ""] = /^\$([56])\$(?:rounds=([0-9]{1,9})\$)?([^$]{0,16})/.exec(setting) ?? [];
  const rounds = written === undefined ? DEFAULT_ROUNDS : Math.max(MIN_ROUNDS, Number(written));
  if (rounds > MAX_ROUNDS) throw new ExpansionFailure(`crypteq: more than ${MAX_ROUNDS} rounds`);
  const [name, order] = method === "5" ? (["sha256", ORDER_256] as const) : (["sha512", ORDER_512] as const);
  const digest = (parts: readonly Buffer[]): Buffer => {
    const hash = createHash(name);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const password = Buffer.from(plain, "latin1");
  const saltOctets = Buffer.from(salt, "latin1");
  const start = firstDigest(password, saltOctets, digest);
  const p = repeated(digest(new Array<Buffer>(password.length).fill(password)), password.length);
  const s = repeated(digest(new Array<Buffer>(16 + (start[0] ?? 0)).fill(saltOctets)), saltOctets.length);
  let sum = start;
  for (let round = 0; round < rounds; round++) {
    const parts = [round % 2 === 1 ? p : sum];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(round % 2 === 1 ? sum : p);
    sum = digest(parts);
  }
  const prefix = written === undefined ? "" : `rounds=${rounds}$`;
  return `$${method}$${prefix}${salt}$${toDigits(sum, order)}`;
}

/** Steps 1 to 12. */
function firstDigest(password: Buffer, salt: Buffer, digest: (parts: readonly Buffer[]) => Buffer): Buffer {
  const inner = digest([password, salt, password]);
  const parts = [password, salt, repeated(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? inner : password);
  return digest(parts);
}

/** The octets again and again, up to a length. */
function repeated(octets: Buffer, length: number): Buffer {
  return Buffer.alloc(length, octets);
}
