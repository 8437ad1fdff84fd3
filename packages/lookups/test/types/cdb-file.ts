/** Makes a constant database as <https://cr.yp.to/cdb/cdb.txt> says; a key may come several times. */
export function cdbFile(records: readonly (readonly [key: string, data: string])[]): Buffer {
  const parts: Buffer[] = [];
  const tables: { hash: number; at: number }[][] = Array.from({ length: 256 }, () => []);
  let at = 2048;
  for (const [keyText, dataText] of records) {
    const key = Buffer.from(keyText, "latin1");
    const data = Buffer.from(dataText, "latin1");
    const hash = key.reduce((sum, octet) => (((sum * 33) % 2 ** 32) ^ octet) >>> 0, 5381);
    tables[hash & 0xff]?.push({ hash, at });
    parts.push(numbers(key.length, data.length), key, data);
    at += 8 + key.length + data.length;
  }
  const header: number[] = [];
  for (const entries of tables) {
    const slots = 2 * entries.length;
    const table = Buffer.alloc(8 * slots);
    for (const entry of entries) {
      let slot = (entry.hash >>> 8) % slots;
      while (table.readUInt32LE(8 * slot + 4) !== 0) slot = (slot + 1) % slots;
      numbers(entry.hash, entry.at).copy(table, 8 * slot);
    }
    header.push(at, slots);
    parts.push(table);
    at += table.length;
  }
  return Buffer.concat([numbers(...header), ...parts]);
}

function numbers(...values: readonly number[]): Buffer {
  const octets = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) octets.writeUInt32LE(value, 4 * i);
  return octets;
}
