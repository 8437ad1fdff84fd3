import { readAvScanner } from "../../acl/scans/av-scanner.ts";
import { gateway, logger, type OptionTable, oneOf, scanner, verifier } from "../option.ts";

/** A scanner that is not available is known at load, unless the policy has yet to choose it. */
function checkAvScanner(text: string): string | undefined {
  if (text.startsWith("$")) return undefined;
  const read = readAvScanner(text);
  return typeof read === "string" ? read : undefined;
}

/** Who sent it, and what is in it: SPF, DKIM, DMARC, DCC, BMI, viruses, spam. */
export const checkOptions = {
  av_scanner: scanner("string*", undefined, { note: "no scanner", check: checkAvScanner }),
  bmi_config_file: scanner("string", "/opt/brightmail/etc/brightmail.cfg"),
  bmi_on_error: scanner("string", "deliver", oneOf("deliver", "defer")),
  dcc_direct_add_header: scanner("boolean", false),
  dcc_helo: scanner("string", "real", {
    note: "not in Exim, which says `HELO localhost`: `exim`",
    ...oneOf("real", "exim"),
  }),
  dcc_timeout: scanner("time", 300_000, "not in Exim"),
  dccifd_address: scanner("string", "/usr/local/dcc/var/dccifd"),
  dccifd_options: scanner("string", "header"),
  dkim_verify_hashes: gateway("list", "sha256 : sha512"),
  dkim_verify_keytypes: gateway("list", "ed25519 : rsa"),
  dkim_verify_min_keysizes: gateway("list", "rsa=1024 ed25519=250"),
  dkim_verify_minimal: gateway("boolean", false),
  dkim_verify_signers: gateway("domain list*", "$dkim_signers"),
  dmarc_aggregate_sender: logger(
    "string*",
    undefined,
    "none; an address: aggregate reports (RFC 9990) are sent from it, once a day",
  ),
  dmarc_forensic_sender: gateway("string*", "do-not-reply@$primary_hostname"),
  dmarc_history_file: logger("string*"),
  dmarc_mode: gateway("string", "9989", {
    check: oneOf("9989", "7489").check,
    note: "which RFC says what domains belong together: by a tree walk, or by the list in `dmarc_tld_file`",
  }),
  dmarc_tld_file: gateway("string*", undefined, "where the verifier finds it; it is read again when it changes"),
  spamd_address: scanner("string*", "127.0.0.1 783"),
  spf_guess: verifier("string", "v=spf1 a/24 mx/24 ptr ?all"),
  spf_smtp_comment_template: verifier("string*", "Please%_see%_http://www.open-spf.org/Why"),
} satisfies OptionTable;
