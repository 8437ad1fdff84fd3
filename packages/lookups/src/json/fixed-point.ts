/** C's `%f`: six digits behind the point, all before it; a half goes to the even neighbour. */
export function fixedPoint(real: number): string {
  const sign = real < 0 || Object.is(real, -0) ? "-" : "";
  const size = Math.abs(real);
  // From here on there is no fraction.
  if (size >= 2 ** 53) return `${sign}${BigInt(size)}.000000`;
  const text = size.toFixed(6);
  // A half of the sixth digit is an odd number of 128ths; toFixed always goes up.
  const isHalf = Number.isInteger(size * 128) && !Number.isInteger(size * 64);
  const isOdd = /[13579]$/.test(text);
  return sign + (isHalf && isOdd ? evenBelow(text) : text);
}

/** One less in the last digit, which is odd: nothing is carried. */
function evenBelow(text: string): string {
  return `${text.slice(0, -1)}${Number(text.at(-1)) - 1}`;
}
