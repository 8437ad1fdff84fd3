export { compileRegex } from "./compile-regex.ts";
export type { Regex, RegexMatch, RegexOptions } from "./regex.ts";
export { RegexError } from "./regex-error.ts";
export { RegexLimitError } from "./regex-limit-error.ts";
