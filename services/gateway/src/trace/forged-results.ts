import { fieldValue, type HeaderField } from "@postbus/mail";

/**
 * Whether a field is one of Authentication-Results that claims to be ours: whoever reads them below us trusts our name
 * (RFC 8601 §5).
 *
 * @param ours Our names, in lower case.
 */
export function isForgedResult(header: Buffer, field: HeaderField, ours: readonly string[]): boolean {
  return field.name === "authentication-results" && claims(fieldValue(header, field), ours);
}

/** What is no clear name of somebody else, but has ours in it, counts as a claim, too: readers may parse it in their own way. */
function claims(value: string, ours: readonly string[]): boolean {
  const id = readAuthservId(value)?.toLowerCase();
  if (id !== undefined) return ours.includes(id);
  const text = value.toLowerCase();
  return ours.some((name) => text.includes(name));
}

/** RFC 8601 §2.2: `[CFWS] authserv-id [CFWS authres-version] …`; undefined if it cannot be made out. */
function readAuthservId(value: string): string | undefined {
  const rest = skipComments(value);
  return /^([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+)[ \t(;]/.exec(`${rest};`)?.[1];
}

/** Without the comments and blanks at the start. Comments nest (RFC 5322 §3.2.2). */
function skipComments(value: string): string {
  let depth = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (c === "\\") i += 1;
    else if (c === "(") depth += 1;
    else if (c === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0 && c !== " " && c !== "\t") return value.slice(i);
  }
  return "";
}
