/** Cipher suites of TLS 1.2 by the key that signs, as IANA's registry of TLS numbers them. */
const SUITES: ReadonlyMap<number, "ec" | "rsa"> = new Map([
  ...([0xc02b, 0xc02c, 0xcca9, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc023, 0xc024, 0xc009, 0xc00a] as const).map(
    (suite) => [suite, "ec"] as const,
  ),
  ...([0xc02f, 0xc030, 0xcca8, 0xc027, 0xc028, 0xc013, 0xc014] as const).map((suite) => [suite, "rsa"] as const),
  ...([0x9e, 0x9f, 0xccaa, 0xc09e, 0xc09f, 0x67, 0x6b, 0x33, 0x39] as const).map((suite) => [suite, "rsa"] as const),
  ...([0x9c, 0x9d, 0xc09c, 0xc09d, 0x3c, 0x3d, 0x2f, 0x35] as const).map((suite) => [suite, "rsa"] as const),
]);

/** Those of TLS 1.3, and what is none (RFC 5746 §3.3, RFC 7507, RFC 8701), choose nothing. */
const choosesNothing = (suite: number): boolean =>
  suite >> 8 === 0x13 ||
  suite === 0x00ff ||
  suite === 0x5600 ||
  ((suite & 0x0f0f) === 0x0a0a && suite >> 8 === (suite & 0xff));

/**
 * The kinds of keys that a client's cipher suites want, in its order, up to one that is not known here and could be what is
 * chosen; `isAll`: there is no such.
 */
export function authenticationOf(suites: readonly number[]): {
  readonly kinds: readonly ("ec" | "rsa")[];
  readonly isAll: boolean;
} {
  const kinds: ("ec" | "rsa")[] = [];
  for (const suite of suites) {
    const kind = SUITES.get(suite);
    if (kind !== undefined) kinds.push(kind);
    else if (!choosesNothing(suite)) return { kinds, isAll: false };
  }
  return { kinds, isAll: true };
}
