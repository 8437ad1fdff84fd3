/** `headers_add` is a list that line ends separate; what begins with a blank goes on with the line before. */
export function addedLines(text: string): string[] {
  return text.split(/\n(?![ \t])/).filter((line) => line !== "");
}
