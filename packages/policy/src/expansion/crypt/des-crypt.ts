import { DIGITS } from "./base64-of-crypt.ts";

/*
 * FIPS 46-3 (DES), tables as printed there, bits counted from 1. The method of crypt(3) encrypts zeros 25 times with the
 * password as key, while the salt exchanges halves of the expansion E.
 */
// biome-ignore format: as printed in the standard
const IP = [58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
  57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7];
const FP = IP.map((_, i) => IP.indexOf(i + 1) + 1);
// biome-ignore format: as printed in the standard
const E = [32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17,
  16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1];
// biome-ignore format: as printed in the standard
const P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25];
// biome-ignore format: as printed in the standard
const PC1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4];
// biome-ignore format: as printed in the standard
const PC2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32];
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
/** S1 to S8, four rows of sixteen each, as hexadecimal digits. */
const S = [
  "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
  "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
  "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
  "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
  "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
  "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
  "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
  "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
];

type Bits = readonly number[];

const permuted = (bits: Bits, table: readonly number[]): number[] => table.map((place) => bits[place - 1] ?? 0);

/** The first eight octets of the password, seven bits each, as the sixteen keys of the rounds. */
function roundKeys(plain: string): Bits[] {
  const bits = Array.from({ length: 64 }, (_, i) =>
    i % 8 === 7 ? 0 : (plain.charCodeAt(i >> 3) >> (6 - (i % 8))) & 1,
  );
  const key = permuted(bits, PC1);
  let [c, d] = [key.slice(0, 28), key.slice(28)];
  return SHIFTS.map((shift) => {
    c = [...c.slice(shift), ...c.slice(0, shift)];
    d = [...d.slice(shift), ...d.slice(0, shift)];
    return permuted([...c, ...d], PC2);
  });
}

function round(right: Bits, key: Bits, expansion: readonly number[]): number[] {
  const mixed = permuted(right, expansion).map((bit, i) => bit ^ (key[i] ?? 0));
  const out: number[] = [];
  for (const [box, table] of S.entries()) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mixed.slice(box * 6, box * 6 + 6);
    const value = Number.parseInt(table.charAt((a * 2 + f) * 16 + b * 8 + c * 4 + d * 2 + e), 16);
    out.push(value >> 3, (value >> 2) & 1, (value >> 1) & 1, value & 1);
  }
  return permuted(out, P);
}

/** The traditional method: two characters of salt, eleven of result; undefined: the salt is none. */
export function desCrypt(plain: string, setting: string): string | undefined {
  const salt = setting.slice(0, 2);
  if (!/^[./0-9A-Za-z]{2}$/.test(salt)) return undefined;
  const saltBits = DIGITS.indexOf(salt.charAt(0)) | (DIGITS.indexOf(salt.charAt(1)) << 6);
  const expansion = E.map((place, i) =>
    (saltBits >> (i % 24)) & 1 && i % 24 < 12 ? (E[(i + 24) % 48] ?? place) : place,
  );
  const keys = roundKeys(plain);
  let block: Bits = new Array<number>(64).fill(0);
  for (let time = 0; time < 25; time++) {
    block = permuted(block, IP);
    let [left, right]: [Bits, Bits] = [block.slice(0, 32), block.slice(32)];
    for (const key of keys) [left, right] = [right, round(right, key, expansion).map((bit, i) => bit ^ (left[i] ?? 0))];
    block = permuted([...right, ...left], FP);
  }
  let text = salt;
  for (let i = 0; i < 66; i += 6) {
    let value = 0;
    for (let j = i; j < i + 6; j++) value = value * 2 + (block[j] ?? 0);
    text += DIGITS.charAt(value);
  }
  return text;
}
