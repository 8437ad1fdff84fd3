import { type AllowedStages, except, only } from "./stage.ts";

/** A condition: it is true, false, or cannot be decided now. */
export interface AclCondition {
  readonly stages: AllowedStages;
  /** Its value is expanded as a whole before it is used; otherwise it is a list, or has a way of its own. */
  readonly isExpanded: boolean;
}

const yes = (stages: AllowedStages): AclCondition => ({ stages, isExpanded: true });
const no = (stages: AllowedStages): AclCondition => ({ stages, isExpanded: false });

const contentStages = ["data", "data_prdr", "not_smtp"] as const;
const beforeMail = ["connect", "helo", "starttls", "auth", "mailauth"] as const;

/** Every condition (Exim's manual, "ACL conditions"). Adding one = a line here, a file in the ACL engine. */
export const aclConditions = {
  acl: no("all"),
  authenticated: no(except("connect", "helo", "not_smtp", "not_smtp_start")),
  condition: yes("all"),
  dcc: yes(only(...contentStages)),
  decode: yes(only("mime", "not_smtp_mime")),
  dkim_signers: yes(only("dkim")),
  dkim_status: yes(only("dkim", "data", "mime", "data_prdr")),
  dmarc_status: yes(only("data")),
  dnslists: no("all"),
  domains: no(only("rcpt", "vrfy", "data_prdr")),
  encrypted: no(except("connect", "not_smtp", "not_smtp_start")),
  hosts: no(except("not_smtp", "not_smtp_start")),
  local_parts: no(only("rcpt", "vrfy", "data_prdr")),
  malware: yes(only(...contentStages)),
  mime_regex: yes(only("mime", "not_smtp_mime")),
  ratelimit: yes("all"),
  recipients: no(only("rcpt")),
  regex: yes(only(...contentStages, "mime", "not_smtp_mime")),
  seen: yes("all"),
  sender_domains: no(except(...beforeMail, "quit", "vrfy", "expn", "etrn")),
  senders: no(except(...beforeMail, "quit", "vrfy", "expn", "etrn")),
  spam: yes(only(...contentStages)),
  spf: yes(except(...beforeMail, "vrfy", "expn", "etrn", "not_smtp", "not_smtp_start")),
  spf_guess: yes(except(...beforeMail, "vrfy", "expn", "etrn", "not_smtp", "not_smtp_start")),
  verify: yes("all"),
} satisfies Readonly<Record<string, AclCondition>>;

export type AclConditionName = keyof typeof aclConditions;

/** Conditions of Exim that are not taken, with what to do instead. */
export const refusedConditions: Readonly<Record<string, string>> = {
  atrn_domains: "on-demand relay (ATRN) is not available",
  demime: "gone from Exim: use the MIME ACL (acl_smtp_mime) with $mime_filename and $mime_content_type",
};
