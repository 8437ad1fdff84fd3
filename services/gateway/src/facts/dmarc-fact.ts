import type { DmarcDetail, DmarcFact } from "@postbus/contracts";
import { resultValue } from "@postbus/mail";
import type { Fact } from "@postbus/policy";

/** What verifier says. */
export interface JudgedDmarc {
  readonly fact: DmarcFact;
  /** Absent: nobody has answered. */
  readonly detail?: DmarcDetail | undefined;
}

/** Why it is not asked: the policy does not want it, or the client has said who it is. */
export type NoDmarc = "disabled" | "authenticated";

/** With what stands of it in `${authresults}`, without the blanks before it. */
type DmarcAnswer = Fact & { readonly authenticationResult: string };

/** What Exim's condition calls it. */
export type DmarcStatus = keyof typeof STATUS_TEXTS;

/** `$dmarc_status_text` */
export const STATUS_TEXTS = {
  accept: "Accept",
  none: "None, Accept",
  quarantine: "Quarantine",
  reject: "Reject",
  norecord: "No DMARC record",
  nofrom: "No From: domain found",
  temperror: "Internal Policy Error",
} as const;

/** What stands in Authentication-Results (RFC 8601 §2.7.6). */
const RESULTS: Readonly<Record<DmarcStatus, "pass" | "fail" | "none" | "temperror">> = {
  accept: "pass",
  none: "none",
  quarantine: "fail",
  reject: "fail",
  norecord: "none",
  nofrom: "temperror",
  temperror: "temperror",
};

/** An author who cannot be told for sure is none. */
export function dmarcStatus({ result, domain, policy }: DmarcFact): DmarcStatus {
  switch (result) {
    case "pass":
      return "accept";
    case "fail":
      return policy === "reject" || policy === "quarantine" ? policy : "none";
    case "temperror":
      return "temperror";
    case "none":
      return domain === "" ? "nofrom" : "norecord";
    default:
      return "nofrom";
  }
}

/** `dmarc=result header.from=domain`, as it stands in Authentication-Results. */
function dmarcResult(fact: DmarcFact): string {
  const result = `dmarc=${RESULTS[dmarcStatus(fact)]}`;
  return fact.domain === "" ? result : `${result} header.from=${resultValue(fact.domain)}`;
}

/** The condition `dmarc_status` and its variables (Exim's manual, "DMARC"). @param hostname Of Authentication-Results. */
export function dmarcFact({ fact, detail }: JudgedDmarc, hostname: string): DmarcAnswer {
  const status = dmarcStatus(fact);
  const record = detail?.record;
  const declared = record && (record.domain === fact.domain ? record.p : (record.sp ?? record.p));
  return {
    result: status,
    variables: {
      dmarc_status: status,
      dmarc_status_text: STATUS_TEXTS[status],
      dmarc_used_domain: record?.domain ?? fact.domain,
      dmarc_domain_policy: declared ?? "",
      dmarc_alignment_spf: detail?.isSpfAligned === true ? "yes" : "no",
      dmarc_alignment_dkim: detail?.isDkimAligned === true ? "yes" : "no",
      dmarc_ar_header: `Authentication-Results: ${hostname}; ${dmarcResult(fact)}`,
    },
    authenticationResult: dmarcResult(fact),
  };
}

/** The condition, where nothing is checked. */
export function dmarcOff(why: NoDmarc, hostname: string): DmarcAnswer {
  const status = why === "disabled" ? "off" : "none";
  return {
    result: status,
    variables: {
      dmarc_status: status,
      dmarc_status_text: "",
      dmarc_ar_header: `Authentication-Results: ${hostname}; dmarc=skipped`,
    },
    authenticationResult: why === "disabled" ? "dmarc=skipped" : "",
  };
}
