/** RFC 3461 §4: printable ASCII but `+` and `=`; other octets as `+` and two hexadecimal digits. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*$/;
/** What a report can quote of it (RFC 3461 §4.2, §4.4): encoded control characters and octets above 127 are none of it. */
const UNPRINTABLE = /\+(?:[01][0-9A-Fa-f]|7[Ff]|[89A-Fa-f])/;

/** Whether a text is xtext (RFC 3461 §4) whose meaning is printable ASCII; the empty text is. */
export const isXtext = (text: string): boolean => XTEXT.test(text) && !UNPRINTABLE.test(text);

/** What xtext means. @param text What `isXtext` takes. */
export const decodeXtext = (text: string): string =>
  text.replace(/\+([0-9A-Fa-f]{2})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** Octets (a latin1 string) as xtext. */
export const encodeXtext = (text: string): string =>
  text.replace(/[^!-*,-<>-~]/g, (octet) => `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
