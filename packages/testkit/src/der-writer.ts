/** DER: tag, length, value (X.690 §8.1). */
export function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

export const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));

/** @param octets As they are encoded. */
export const oid = (...octets: number[]): Buffer => tlv(0x06, Buffer.from(octets));

/** Of whole octets. */
export const bitString = (octets: Buffer): Buffer => tlv(0x03, Buffer.concat([Buffer.from([0]), octets]));

/** UTCTime, enough until 2049 (RFC 5280 §4.1.2.5.1); or GeneralizedTime. */
export function derTime(ms: number, isGeneralized = false): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return isGeneralized ? tlv(0x18, Buffer.from(`${text}Z`)) : tlv(0x17, Buffer.from(`${text.slice(2)}Z`));
}
