import { type OptionTable, scanner } from "../options/option.ts";

/** What `begin profiles` of a BMI file may set (docs/bmi.md). */
export const profileOptions = {
  engines: scanner("list"),
  optin: scanner("list"),
  settings: scanner("string"),
  user: scanner("string"),
} satisfies OptionTable;

/** Questions about an engine's answer. */
const testOptions = {
  action: scanner("list"),
  engine: scanner("list"),
  malware: scanner("list"),
  profile: scanner("list"),
  score: scanner("fixed"),
  spam: scanner("boolean"),
  symbol: scanner("list"),
} satisfies OptionTable;

/** Of `begin rules`. */
export const ruleOptions = testOptions;

/** Of `begin destinations`. */
export const destinationOptions = {
  ...testOptions,
  alternate: scanner("string"),
  default: scanner("boolean"),
  drop: scanner("boolean"),
  rules: scanner("list"),
} satisfies OptionTable;
