const LINE_ENDS = Buffer.from("\r\n".repeat(4096), "latin1");

/** Line ends that were held back, since at the end of a body they would not count. */
export function emitLineEnds(count: number, emit: (octets: Buffer) => void): void {
  for (let left = 2 * count; left > 0; left -= LINE_ENDS.length) {
    emit(left < LINE_ENDS.length ? LINE_ENDS.subarray(0, left) : LINE_ENDS);
  }
}
