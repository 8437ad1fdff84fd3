import { type AllowedStages, only } from "./stage.ts";

/** What `verify =` can ask for. */
export interface AclVerification {
  readonly stages: AllowedStages;
  /** Whether `/` and options may follow. */
  readonly hasOptions: boolean;
}

const content = only("mime", "data", "data_prdr", "not_smtp", "not_smtp_mime");

/** Every verification (Exim's manual, "ACL conditions", `verify`). */
export const aclVerifications = {
  arc: { stages: only("data"), hasOptions: true },
  certificate: { stages: "all", hasOptions: false },
  csa: { stages: "all", hasOptions: true },
  header_names_ascii: { stages: content, hasOptions: false },
  header_sender: { stages: content, hasOptions: true },
  header_syntax: { stages: content, hasOptions: false },
  helo: { stages: "all", hasOptions: false },
  not_blind: { stages: content, hasOptions: true },
  recipient: { stages: only("rcpt"), hasOptions: true },
  reverse_host_lookup: { stages: "all", hasOptions: true },
  sender: {
    stages: only("mail", "rcpt", "predata", "data", "not_smtp"),
    hasOptions: true,
  },
} satisfies Readonly<Record<string, AclVerification>>;
