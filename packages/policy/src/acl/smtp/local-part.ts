/** A local part without its quotes (RFC 5321 §4.1.2): `"a b"` is `a b`, `"a\"b"` is `a"b`. */
export function unquotedLocalPart(text: string): string {
  if (!text.includes('"') && !text.includes("\\")) return text;
  return text.replaceAll(/\\([\s\S])|"/g, (_, escaped: string | undefined) => escaped ?? "");
}
