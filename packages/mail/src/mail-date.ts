/** RFC 5322 §3.3 date-time, in UTC. @param atMs Milliseconds since the epoch. */
export function mailDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace("GMT", "+0000");
}
