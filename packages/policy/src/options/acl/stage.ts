/** The moments at which an ACL can run, by the option that names it without its `acl_` and `smtp_`. */
export const aclStages = [
  "connect",
  "helo",
  "starttls",
  "auth",
  "mailauth",
  "mail",
  "rcpt",
  "predata",
  "dkim",
  "mime",
  "data_prdr",
  "data",
  "vrfy",
  "expn",
  "etrn",
  "quit",
  "notquit",
  "not_smtp_start",
  "not_smtp_mime",
  "not_smtp",
] as const;

export type AclStage = (typeof aclStages)[number];

/** Where a condition, modifier or control may be used; elsewhere it is a temporary error when it runs. */
export type AllowedStages = "all" | ReadonlySet<AclStage>;

/** Only in these. */
export function only(...stages: readonly AclStage[]): AllowedStages {
  return new Set(stages);
}

/** Everywhere but in these. */
export function except(...stages: readonly AclStage[]): AllowedStages {
  return new Set(aclStages.filter((stage) => !stages.includes(stage)));
}
