import type { AclConditionName } from "../../options/acl/conditions.ts";
import type { TestKind } from "../test.ts";
import { acl } from "./acl.ts";
import { condition } from "./condition.ts";
import { decode, mimeRegex, regex } from "./content-checks.ts";
import { dcc } from "./dcc.ts";
import { dnslists } from "./dnslists.ts";
import { authenticated, domains, encrypted, hosts, localParts, recipients, senderDomains, senders } from "./lists.ts";
import { malware } from "./malware.ts";
import { ratelimit } from "./ratelimit.ts";
import { seen } from "./seen.ts";
import { dkimSigners, dkimStatus, dmarcStatus, spf, spfGuess } from "./sender-checks.ts";
import { spam } from "./spam.ts";
import { verify } from "./verify.ts";

/** Every condition. Adding one = a file, a line here, a line in the table of options. */
export const conditions: Readonly<Record<AclConditionName, TestKind>> = {
  acl,
  authenticated,
  condition,
  dcc,
  decode,
  dkim_signers: dkimSigners,
  dkim_status: dkimStatus,
  dmarc_status: dmarcStatus,
  dnslists,
  domains,
  encrypted,
  hosts,
  local_parts: localParts,
  malware,
  mime_regex: mimeRegex,
  ratelimit,
  recipients,
  regex,
  seen,
  sender_domains: senderDomains,
  senders,
  spam,
  spf,
  spf_guess: spfGuess,
  verify,
};
