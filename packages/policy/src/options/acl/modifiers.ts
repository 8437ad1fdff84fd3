import { type AllowedStages, except, only } from "./stage.ts";

/** A modifier: it is always true, and does something. */
export interface AclModifier {
  readonly stages: AllowedStages;
}

const headerStages = only(
  "mail",
  "rcpt",
  "predata",
  "dkim",
  "mime",
  "data_prdr",
  "data",
  "not_smtp_start",
  "not_smtp_mime",
  "not_smtp",
);

/** Every modifier (Exim's manual, "ACL modifiers"). Adding one = a line here, a file in the ACL engine. */
export const aclModifiers = {
  add_header: { stages: headerStages },
  bmi_optin: { stages: only("rcpt", "not_smtp") },
  continue: { stages: "all" },
  control: { stages: "all" },
  delay: { stages: except("notquit") },
  endpass: { stages: "all" },
  log_message: { stages: "all" },
  log_reject_target: { stages: "all" },
  logwrite: { stages: "all" },
  message: { stages: "all" },
  queue: { stages: except("data", "data_prdr", "not_smtp") },
  remove_header: { stages: headerStages },
  set: { stages: "all" },
  udpsend: { stages: "all" },
} satisfies Readonly<Record<string, AclModifier>>;

export type AclModifierName = keyof typeof aclModifiers;
