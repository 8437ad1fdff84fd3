import { type AllowedStages, except, only } from "./stage.ts";

/** What `control =` can say. */
export interface AclControl {
  readonly stages: AllowedStages;
  /** Whether `/` and options may follow. */
  readonly hasOptions: boolean;
  /** Why it is taken and changes nothing; absent: it is obeyed. */
  readonly idle?: string;
}

const plain = (stages: AllowedStages): AclControl => ({ stages, hasOptions: false });
const optioned = (stages: AllowedStages): AclControl => ({ stages, hasOptions: true });

const beforeData = except("data", "data_prdr", "not_smtp", "not_smtp_start");
const sessions = except("not_smtp", "not_smtp_start");
const messages = ["mail", "rcpt", "predata", "mime", "data"] as const;
const wholeMessages = only(...messages, "not_smtp", "not_smtp_mime");

/** Every control (Exim's manual, "Description of the control settings"). */
export const aclControls = {
  allow_auth_unadvertised: plain(only("connect", "helo")),
  bmi_run: plain("all"),
  caseful_local_part: plain(only("rcpt")),
  caselower_local_part: plain(only("rcpt")),
  cutthrough_delivery: { ...optioned("all"), idle: "a message is stored before anybody else gets it" },
  debug: optioned("all"),
  dkim_disable_verify: plain(beforeData),
  dmarc_disable_verify: plain(beforeData),
  dmarc_enable_forensic: plain(beforeData),
  dscp: optioned(except("notquit", "not_smtp", "not_smtp_start")),
  enforce_sync: plain(sessions),
  fakedefer: optioned(only(...messages, "data_prdr")),
  fakereject: optioned(only(...messages, "data_prdr")),
  freeze: optioned(wholeMessages),
  no_callout_flush: { ...plain(sessions), idle: "no reply waits for a callout that is about another command" },
  no_delay_flush: plain(sessions),
  no_enforce_sync: plain(sessions),
  no_mbox_unspool: plain(only(...messages)),
  no_multiline_responses: plain(sessions),
  no_pipelining: plain(sessions),
  queue: optioned(wholeMessages),
  queue_only: optioned(wholeMessages),
  requiretls: plain(wholeMessages),
  submission: optioned(only("mail", "rcpt", "predata")),
  suppress_local_fixups: plain(only("mail", "rcpt", "predata", "not_smtp_start")),
  utf8_downconvert: optioned(only("rcpt", "vrfy")),
} satisfies Readonly<Record<string, AclControl>>;

export type AclControlName = keyof typeof aclControls;

/** Other spellings, as in the first descriptions of DMARC. */
export const controlAliases: Readonly<Record<string, AclControlName>> = {
  dmarc_forensic_enable: "dmarc_enable_forensic",
  dmarc_verify_disable: "dmarc_disable_verify",
};
