import { createHash } from "node:crypto";
import { toDigits } from "./base64-of-crypt.ts";

const ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
  [-1, -1, 11],
];

const md5 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash("md5");
  for (const part of parts) hash.update(typeof part === "string" ? Buffer.from(part, "latin1") : part);
  return hash.digest();
};

/** The method `$1$` (P.-H. Kamp, FreeBSD 1994). */
export function md5Crypt(plain: string, setting: string): string {
  const [, salt = ""] = /^\$1\$([^$]{0,8})/.exec(setting) ?? [];
  const inner = md5(plain, salt, plain);
  const parts: (string | Buffer)[] = [plain, "$1$", salt];
  for (let left = plain.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = plain.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? "\0" : plain.slice(0, 1));
  let sum = md5(...parts);
  for (let round = 0; round < 1000; round++) {
    const [first, last] = round % 2 === 1 ? [plain, sum] : [sum, plain];
    sum = md5(first, round % 3 === 0 ? "" : salt, round % 7 === 0 ? "" : plain, last);
  }
  return `$1$${salt}$${toDigits(sum, ORDER)}`;
}
