/** Content in pieces that hold only until the next one is asked for, as a spool gives them. */
export async function* transientPieces(content: Buffer, octets: number): AsyncGenerator<Buffer> {
  const memory = Buffer.alloc(octets);
  for (let at = 0; at < content.length; at += octets) {
    yield memory.subarray(0, content.copy(memory, 0, at, at + octets));
    memory.fill(0);
  }
}
