/** The polynomial of Castagnoli, its bits in reverse order (RFC 9260, appendix A). */
const POLYNOMIAL = 0x82f63b78;

/** CRC-32C. Bit by bit: a header has few octets, and few headers have a checksum. */
export function crc32c(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
