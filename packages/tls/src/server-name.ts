/** RFC 1035 §2.3.4. */
const MAX_LENGTH = 255;

/**
 * A name from the client's hello as it may be used: lower case, and nothing but the characters of host names, for it ends
 * up in names of files. Undefined: no name that a host can have; it is treated as if the client had sent none.
 */
export function serverName(name: string): string | undefined {
  const lower = name.toLowerCase();
  return lower.length <= MAX_LENGTH && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/.test(lower) ? lower : undefined;
}
