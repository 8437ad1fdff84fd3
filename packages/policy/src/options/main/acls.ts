import { alias, gateway, ignored, later, type OptionTable } from "../option.ts";

/** Which ACL decides at which moment of a session (Exim's manual, "Access control lists"). */
export const aclOptions = {
  acl_data_smtp_prdr: alias("acl*", ["acl_smtp_data_prdr"], "as in the first descriptions of PRDR"),
  acl_not_smtp: ignored("acl*"),
  acl_not_smtp_mime: ignored("acl*"),
  acl_not_smtp_start: ignored("acl*"),
  acl_smtp_atrn: later("acl*", "on-demand relay (ATRN); leave the option out"),
  acl_smtp_auth: gateway("acl*"),
  acl_smtp_connect: gateway("acl*"),
  acl_smtp_data: gateway("acl*"),
  acl_smtp_data_prdr: gateway("acl*", "accept"),
  acl_smtp_dkim: gateway("acl*"),
  acl_smtp_etrn: gateway("acl*"),
  acl_smtp_expn: gateway("acl*"),
  acl_smtp_helo: gateway("acl*"),
  acl_smtp_mail: gateway("acl*"),
  acl_smtp_mailauth: gateway("acl*"),
  acl_smtp_mime: gateway("acl*"),
  acl_smtp_notquit: gateway("acl*"),
  acl_smtp_predata: gateway("acl*"),
  acl_smtp_quit: gateway("acl*"),
  acl_smtp_rcpt: gateway("acl*"),
  acl_smtp_starttls: gateway("acl*"),
  acl_smtp_vrfy: gateway("acl*"),
  acl_smtp_wellknown: later("acl*", "the WELLKNOWN command; leave the option out"),
  strict_acl_vars: gateway("boolean", false),
} satisfies OptionTable;
