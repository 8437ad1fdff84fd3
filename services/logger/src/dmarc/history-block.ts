import type { DkimFact, DmarcChecked, Facts, SpfFact } from "@postbus/contracts";

/** OpenDMARC's numbers of authentication results. */
const RESULTS: Readonly<Record<SpfFact["result"] | DkimFact["result"], number>> = {
  pass: 0,
  softfail: 2,
  neutral: 3,
  temperror: 4,
  permerror: 5,
  none: 6,
  fail: 7,
  policy: 7,
};

/** Of what the policy comes to, and of what is done by that. */
const POLICIES: Readonly<Record<DmarcChecked["status"], { readonly policy?: number; readonly action: number }>> = {
  accept: { policy: 15, action: 2 },
  reject: { policy: 16, action: 0 },
  quarantine: { policy: 17, action: 4 },
  none: { policy: 18, action: 2 },
  // It may be another one later: so it comes to none.
  temperror: { action: 3 },
};

const ARC = { pass: { arc: 0, policy: 0 }, fail: { arc: 7, policy: 2 }, none: { arc: 11, policy: 1 } } as const;

/**
 * A message in the format that `opendmarc-import` reads, as Exim writes it: a line for each thing that is known. The seals stand
 * there twice: `opendmarc-import` of OpenDMARC 1.4 ends at a block that has them in Exim's form alone. Of two lines the last counts.
 *
 * @param reporter `primary_hostname`
 */
export function historyBlock(event: DmarcChecked, reporter: string): string {
  const { facts, detail, status } = event;
  const { record } = detail;
  if (record === undefined) return "";
  const { policy, action } = POLICIES[status];
  const { arc, policy: arcPolicy } = ARC[event.arc ?? "none"];
  const seals = event.arc === undefined ? [] : sealsOf(facts.arc);
  const lines = [
    `job ${event.messageId}`,
    `reporter ${reporter}`,
    `received ${Math.floor(event.atMs / 1000)}`,
    `ipaddr ${event.clientAddress}`,
    `from ${word(facts.dmarc?.domain ?? record.domain)}`,
    `mfrom ${word(event.returnDomain)}`,
    ...(facts.spf === undefined ? [] : [`spf ${RESULTS[facts.spf.result]}`]),
    ...(facts.dkim ?? [])
      .filter(({ domain, selector }) => domain !== "" && selector !== "")
      .map(({ domain, selector, result }) => `dkim ${word(domain)} ${word(selector)} ${RESULTS[result]}`),
    `pdomain ${word(record.domain)}`,
    ...(policy === undefined ? [] : [`policy ${policy}`]),
    ...(record.rua.length === 0 ? ["rua -"] : record.rua.map((uri) => `rua ${word(uri)}`)),
    `pct ${record.percent}`,
    `adkim ${letter(record.adkim)}`,
    `aspf ${letter(record.aspf)}`,
    `p ${letter(record.p)}`,
    `sp ${letter(record.sp)}`,
    `align_dkim ${aligned(detail.isDkimAligned)}`,
    `align_spf ${aligned(detail.isSpfAligned)}`,
    `action ${action}`,
    `arc ${arc}`,
    `arc_policy ${arcPolicy} json[${seals.map((seal) => ` (${seal})`).join(",")} ]`,
    `arc_policy ${arcPolicy} json:[${seals.map((seal) => `{${seal}}`).join(", ")}]`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Who has sealed the message, from the first on: the inside of an object of JSON each. */
const sealsOf = (arc: Facts["arc"]): readonly string[] =>
  (arc?.hops ?? []).map(
    ({ domain, selector, clientAddress = "" }, i) =>
      `"i":${i + 1}, "d":"${name(domain)}", "s":"${name(selector)}", "ip":"${name(clientAddress)}"`,
  );

/** The code of its first letter; 0: it is not there. */
const letter = (tag: string | undefined): number => tag?.charCodeAt(0) ?? 0;

const aligned = (is: boolean): number => (is ? 4 : 5);

const name = (text: string): string => text.replace(/[^A-Za-z0-9._:-]/g, "?");

/** Peers have chosen it: it must not be more than one word. */
const word = (text: string): string => text.replace(/[^\x21-\x7e]/g, "?");
