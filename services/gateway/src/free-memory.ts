/**
 * Frees the memory of octets that nobody will look at again; they are empty from then on. What shares its memory with
 * others (Node.js cuts small Buffers from one pool) is left to the garbage collector.
 *
 * V8 collects memory outside its heap only when 32 MB of it have come together.
 */
export function freeMemory({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
