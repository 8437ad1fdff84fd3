/**
 * Calls back when what a socket has received until now has been read: one round of the event loop, no pause. Early
 * talkers are those whose octets are there by then.
 */
export function afterReading(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}
