import type { Submission } from "../../submission/submitted-header.ts";

/** What `control =` has said about the message. Whoever takes it obeys. */
export interface MessageControls {
  /** `fakereject`, `fakedefer`: the client is told so, but the message is taken. */
  fake?: { readonly code: 550 | 450; readonly text: string };
  /** `freeze`, `freeze/no_tell` */
  freeze?: { readonly tells: boolean };
  /** `queue`, `queue/first_pass_route` */
  queue?: { readonly routes: boolean };
  /** `submission/…` */
  submission?: Submission;
  suppressesFixups?: boolean;
  /** `cutthrough_delivery` */
  cutthrough?: { readonly onDefer: "pass" | "spool" };
  isDkimOff?: boolean;
  isDmarcOff?: boolean;
  sendsDmarcReports?: boolean;
  keepsMbox?: boolean;
  /** `utf8_downconvert`: 1: it must be; 0: not; -1: where the next host wants it. */
  utf8Downconvert?: -1 | 0 | 1;
  requiresTls?: boolean;
  /** `bmi_run` */
  runsBmi?: boolean;
  /** `bmi_optin`: the strings of recipients, by address. */
  bmiOptin?: Map<string, readonly string[]>;
}
