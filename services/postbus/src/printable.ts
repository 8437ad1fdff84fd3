/** What a peer chose goes to a terminal: control characters become `?`, or an address could move the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
export const printable = (text: string): string => text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, "?");
