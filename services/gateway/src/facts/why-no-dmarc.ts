import type { SmtpAcls } from "@postbus/policy";
import type { NoDmarc } from "./dmarc-fact.ts";

/** Why DMARC is not checked, as it stands now; undefined: it is. */
export function whyNoDmarc({ message, connection }: SmtpAcls["session"]): NoDmarc | undefined {
  if (message.controls.isDmarcOff === true) return "disabled";
  return connection.authentication === undefined ? undefined : "authenticated";
}
