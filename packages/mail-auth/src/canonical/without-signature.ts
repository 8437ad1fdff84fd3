/**
 * A signature field without the value of its `b=`, which cannot be signed (RFC 6376 §3.7); everything else of it stays, and
 * `bh=` is another tag.
 */
export function withoutSignature(field: string): string {
  return field.replace(B_TAG, "$1$2");
}

const B_TAG = /(^[^:;]*:|;)([ \t\r\n]*b[ \t\r\n]*=)[^;]*/;
