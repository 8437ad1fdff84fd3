/** The digits of crypt(3), the least significant one first. */
export const DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Octets in groups of three, in an order of the method's own, as digits.
 *
 * @param order Indexes of the octets, the most significant of each group first; -1: none.
 */
export function toDigits(octets: Buffer, order: readonly (readonly number[])[]): string {
  let text = "";
  for (const group of order) {
    let value = 0;
    for (const index of group) value = (value << 8) | (index < 0 ? 0 : (octets[index] ?? 0));
    const count = [0, 2, 3, 4][group.filter((index) => index >= 0).length] ?? 0;
    for (let i = 0; i < count; i++, value >>>= 6) text += DIGITS.charAt(value & 63);
  }
  return text;
}
