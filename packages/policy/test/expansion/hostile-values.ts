import fc from "fast-check";

/** What means something to one part of the language or another; a value of a peer is a few of them, many times. */
const pieces = [
  ..."aZ0 9:;,.@<>()[]{}\"'\\/=?_-+*^$!%#&|~\t\r\n\0\x7f\x80\xa0\xc3\xa4\xff",
  "::",
  "a@b.example",
  '"q" ',
  "k=v ",
  '{"k":["v",1]}',
  "[",
  '"\\',
  "=?utf-8?q?=C3=A4?= ",
  "xn--a.",
  "1.2.3.4",
  "fe80::1",
  "+local_domains",
  "lsearch;",
  "^a+",
  "1h",
] as const;

/** The part that is repeated. */
export const hostilePart = fc
  .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""));

/** So many octets of it. */
export const repeated = (part: string, octets: number): string =>
  part.repeat(Math.ceil(octets / part.length)).slice(0, octets);
