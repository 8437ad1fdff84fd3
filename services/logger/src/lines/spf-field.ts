import type { LogStyle } from "../log-style.ts";

/** ` SPF=result`, or ` SPF` where it is a pass. @param result Undefined: nobody has asked. */
export function spfField(result: string | undefined, { selectors }: LogStyle): string {
  if (result === undefined) return "";
  if (selectors.has("spf_verbose")) return ` SPF=${result}`;
  return selectors.has("spf") && result === "pass" ? " SPF" : "";
}
