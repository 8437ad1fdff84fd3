/** Addresses that are looked at: with more, there is more than one author anyway. */
const MAX_ADDRESSES = 1000;

/**
 * The addresses in a From field (RFC 5322 §3.4), for the domains in them.
 *
 * Comments and display names are dropped, groups opened (RFC 6854). It is generous to what mail has in it, but drops
 * no address: where a reader's program could see another one (two in angle brackets, an end missing), all are given.
 * Linear in the length of the field.
 *
 * @param body What is behind the colon; folds may be in it.
 */
export function authorAddresses(body: string): readonly string[] {
  const addresses: string[] = [];
  let bare = "";
  let hasAngle = false;
  // A comment or quoted string without an end is none: what follows it is shown to the reader.
  let opensComment = true;
  let opensQuoted = true;
  let angleHasComments = true;
  const endMailbox = (): void => {
    const address = bare === "" ? "" : tidy(bare);
    // With an address in angle brackets, the words around it were a display name.
    if (!hasAngle && address !== "") addresses.push(address);
    bare = "";
    hasAngle = false;
  };
  for (let at = 0; at < body.length && addresses.length < MAX_ADDRESSES; at++) {
    const char = body.charAt(at);
    if (char === "(" && opensComment) {
      const end = endOfComment(body, at);
      opensComment = end !== undefined;
      bare += end === undefined ? char : " ";
      at = end ?? at;
    } else if (char === '"' && opensQuoted) {
      const end = endOfQuoted(body, at);
      opensQuoted = end !== undefined;
      bare += body.slice(at, (end ?? at) + 1);
      at = end ?? at;
    } else if (char === "<") {
      const angle: Angle = (angleHasComments ? angleWithComments(body, at) : undefined) ?? plainAngle(body, at);
      // An angle without an end has none behind it, either.
      angleHasComments &&= angle.hasComments;
      addresses.push(tidy(angle.text));
      hasAngle = true;
      at = angle.end;
    } else if (char === "," || char === ";") {
      endMailbox();
    } else if (char === ":") {
      // What was collected is a group's name.
      bare = "";
    } else {
      bare += char;
    }
  }
  endMailbox();
  return addresses;
}

/** Index of the closing parenthesis, if there is one. */
function endOfComment(body: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < body.length; at++) {
    const char = body.charAt(at);
    if (char === "\\") at++;
    else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return at;
  }
  return undefined;
}

/** Index of the closing quotation mark, if there is one. */
function endOfQuoted(body: string, start: number): number | undefined {
  for (let at = start + 1; at < body.length; at++) {
    const char = body.charAt(at);
    if (char === "\\") at++;
    else if (char === '"') return at;
  }
  return undefined;
}

/** What is between angle brackets. */
interface Angle {
  readonly text: string;
  /** Index of the `>`; behind the last character if there is none. */
  readonly end: number;
  readonly hasComments: boolean;
}

/** Without its comments, in which a `>` is none (RFC 5322 §3.4.1). Undefined: a comment or the angle has no end. */
function angleWithComments(body: string, start: number): Angle | undefined {
  let text = "";
  for (let at = start + 1; at < body.length; at++) {
    const char = body.charAt(at);
    if (char === ">") return { text, end: at, hasComments: true };
    const end = char === '"' ? endOfQuoted(body, at) : char === "(" ? endOfComment(body, at) : at;
    if (end === undefined) return undefined;
    text += char === "(" ? " " : body.slice(at, end + 1);
    at = end;
  }
  return undefined;
}

function plainAngle(body: string, start: number): Angle {
  let at = start + 1;
  while (at < body.length && body.charAt(at) !== ">") {
    if (body.charAt(at) === '"') at = endOfQuoted(body, at) ?? body.length;
    at++;
  }
  return { text: body.slice(start + 1, at), end: Math.min(at, body.length), hasComments: false };
}

/** Blanks and folds around `.` and `@` mean nothing (RFC 5322 §4.4); between words, one is kept: there is no such domain. */
const tidy = (address: string): string =>
  address
    .replace(/[ \t\r\n]+/g, " ")
    .replace(/ ?([.@]) ?/g, "$1")
    .trim();
