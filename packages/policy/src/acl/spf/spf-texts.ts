import type { SpfFinding } from "./spf-finding.ts";

/** Of whom SPF was asked. */
export interface SpfAbout {
  /** Name of this host. */
  readonly receiver: string;
  readonly clientAddress: string;
  readonly helo: string;
  /** Empty: the null reverse-path; it was the HELO name that was checked. */
  readonly returnPath: string;
}

/** The address that was checked (RFC 7208 §2.4). */
export const checkedAddress = ({ returnPath, helo }: SpfAbout): string =>
  returnPath === "" ? `postmaster@${helo}` : returnPath;

/** Its domain, in the letters of the client. */
export function checkedDomain(about: SpfAbout): string {
  const address = checkedAddress(about);
  return address.slice(address.lastIndexOf("@") + 1);
}

/** `$spf_header_comment`: in Exim's words, which are those of libspf2. */
export function spfHeaderComment(result: string, finding: SpfFinding, about: SpfAbout): string {
  return `${about.receiver}: ${explained(result, finding, about)}`;
}

function explained(result: string, { problem }: SpfFinding, about: SpfAbout): string {
  const domain = `domain of ${printable(checkedDomain(about))}`;
  const { clientAddress } = about;
  switch (result) {
    case "pass":
      return `${domain} designates ${clientAddress} as permitted sender`;
    case "fail":
      return `${domain} does not designate ${clientAddress} as permitted sender`;
    case "softfail":
      return `transitioning ${domain} does not designate ${clientAddress} as permitted sender`;
    case "neutral":
      return `${clientAddress} is neither permitted nor denied by ${domain}`;
    case "none":
      return `${domain} does not provide an SPF record`;
    case "temperror":
      return `encountered temporary error during SPF processing of ${domain}`;
    default:
      return `error in processing during lookup of ${domain}${problem === undefined ? "" : `: ${printable(problem)}`}`;
  }
}

/** `$spf_received`: a header field (RFC 7208 §9.1) as Exim has it, in one line. */
export function receivedSpf(result: string, comment: string, about: SpfAbout): string {
  const pairs = [
    `client-ip=${about.clientAddress};`,
    `envelope-from=${fieldValue(checkedAddress(about))};`,
    `helo=${fieldValue(about.helo)};`,
  ];
  return `Received-SPF: ${result} (${comment.replace(/[()\\]/g, "\\$&")}) ${pairs.join(" ")}`;
}

/** As it is, which is more than the RFC's grammar allows; what could be taken for the end of the value is quoted. */
function fieldValue(value: string): string {
  const plain = printable(value);
  return /[ ;"\\()]/.test(plain) ? `"${plain.replace(/["\\]/g, "\\$&")}"` : plain;
}

/** Words of a peer, in one line of a header field. */
const printable = (text: string): string => text.replace(/[^ -~]/g, "?");
