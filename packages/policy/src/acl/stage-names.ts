import type { AclStage } from "../options/acl/stage.ts";

/** What the stages are called in log lines, as in Exim. */
export const stageNames: Readonly<Record<AclStage, string>> = {
  connect: "connection",
  helo: "EHLO or HELO",
  starttls: "STARTTLS",
  auth: "AUTH",
  mailauth: "MAILAUTH",
  mail: "MAIL",
  rcpt: "RCPT",
  predata: "PREDATA",
  dkim: "DKIM",
  mime: "MIME",
  data_prdr: "PRDR",
  data: "DATA",
  vrfy: "VRFY",
  expn: "EXPN",
  etrn: "ETRN",
  quit: "QUIT",
  notquit: "NOTQUIT",
  not_smtp_start: "non-SMTP-start",
  not_smtp_mime: "non-SMTP",
  not_smtp: "non-SMTP",
};

/** The stages at which a message is being received: headers may be added, the message discarded or frozen. */
export const messageStages: ReadonlySet<AclStage> = new Set([
  "mail",
  "rcpt",
  "predata",
  "dkim",
  "mime",
  "data_prdr",
  "data",
  "not_smtp",
  "not_smtp_mime",
]);
