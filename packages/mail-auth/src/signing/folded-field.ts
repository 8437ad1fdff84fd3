/** RFC 5322 §2.1.1. */
const COLUMNS = 78;

/**
 * A field of tags, folded between tags and, in lists, behind colons. Its last tag is `b=`, with nothing in it yet.
 *
 * @param start The name with its colon, and what stands behind it.
 * @returns without the CRLF at its end.
 */
export function foldedField(start: string, tags: readonly (readonly [name: string, value: string])[]): string {
  let text = start;
  let column = start.length;
  const put = (word: string, glue: string): void => {
    if (column + glue.length + word.length > COLUMNS) {
      text += `\r\n\t${word}`;
      column = 1 + word.length;
    } else {
      text += glue + word;
      column += glue.length + word.length;
    }
  };
  for (const [name, value] of tags) {
    const words = name === "h" ? value.split(/(?<=:)/) : [value];
    for (const [i, word] of words.entries()) {
      put(`${i === 0 ? `${name}=` : ""}${word}${i === words.length - 1 ? ";" : ""}`, i === 0 ? " " : "");
    }
  }
  return `${text}\r\n\tb=`;
}

/** Base64 in lines, as the value of the last tag. */
export function foldedBase64(value: string): string {
  return value.replaceAll(/.{72}(?=.)/g, "$&\r\n\t ");
}
