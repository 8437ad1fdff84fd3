/** What Authentication-Results may say of a chain of seals (RFC 8617 §4.1.1). */
const STATED = /^[ \t\r\n]*arc[ \t\r\n]*=[ \t\r\n]*(none|pass|fail)(?=[ \t\r\n]|$)/i;

/**
 * The result for `arc`, read as RFC 8601 §2.2 has it: what peers have chosen stands in comments and quoted strings, and is no
 * result. Linear in the length.
 *
 * @param results What stands behind the name of the server.
 * @returns in lower case; undefined if there is none, or if there are two that differ.
 */
export function statedArcResult(results: string): string | undefined {
  const stated = new Set(
    plainParts(results).flatMap((part) => {
      const [, state] = STATED.exec(part) ?? [];
      return state === undefined ? [] : [state.toLowerCase()];
    }),
  );
  return stated.size === 1 ? [...stated][0] : undefined;
}

/** What lies between semicolons, a blank for each comment, a `"` for each quoted string. What has no end goes to the end. */
function plainParts(results: string): readonly string[] {
  let plain = "";
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < results.length; at++) {
    const char = results.charAt(at);
    if (char === "\\" && (isQuoted || depth > 0)) at++;
    else if (isQuoted) isQuoted = char !== '"';
    else if (char === "(") depth++;
    else if (depth > 0) {
      if (char === ")" && --depth === 0) plain += " ";
    } else {
      isQuoted = char === '"';
      plain += char;
    }
  }
  return plain.split(";");
}
