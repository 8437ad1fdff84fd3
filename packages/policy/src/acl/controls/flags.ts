import type { ConnectionControls } from "./connection-controls.ts";
import type { Control } from "./control.ts";
import type { MessageControls } from "./message-controls.ts";

const ofConnection =
  (flag: ConnectionControls): Control =>
  ({ session }) => {
    Object.assign(session.connection.controls, flag);
  };

const ofMessage =
  (flag: MessageControls): Control =>
  ({ session }) => {
    Object.assign(session.message.controls, flag);
  };

const caseful =
  (isCaseful: boolean): Control =>
  ({ session }) => {
    session.isCaseful = isCaseful;
  };

/** Controls without options: each sets one flag. */
export const flags = {
  allow_auth_unadvertised: ofConnection({ allowsUnadvertisedAuth: true }),
  bmi_run: ofMessage({ runsBmi: true }),
  caseful_local_part: caseful(true),
  caselower_local_part: caseful(false),
  dkim_disable_verify: (run) => {
    // As in Exim, they have been verified by then.
    if (run.stage !== "dkim" && run.stage !== "mime") run.session.message.controls.isDkimOff = true;
  },
  dmarc_disable_verify: ofMessage({ isDmarcOff: true }),
  dmarc_enable_forensic: ofMessage({ sendsDmarcReports: true }),
  enforce_sync: ofConnection({ enforcesSync: true }),
  no_callout_flush: ofConnection({ isCalloutFlushOff: true }),
  no_delay_flush: ofConnection({ isDelayFlushOff: true }),
  no_enforce_sync: ofConnection({ enforcesSync: false }),
  no_mbox_unspool: ofMessage({ keepsMbox: true }),
  no_multiline_responses: ofConnection({ isMultilineOff: true }),
  no_pipelining: ofConnection({ isPipeliningOff: true }),
  requiretls: ofMessage({ requiresTls: true }),
  suppress_local_fixups: ofMessage({ suppressesFixups: true }),
} satisfies Readonly<Record<string, Control>>;
