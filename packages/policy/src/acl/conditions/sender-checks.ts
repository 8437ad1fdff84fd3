import { then } from "../../expansion/code.ts";
import { textOf } from "../../expansion/value.ts";
import { factOf, statusIn } from "../ask-fact.ts";
import type { FactName } from "../facts.ts";
import { expandedTest, type TestKind } from "../test.ts";
import { listTest } from "./list-test.ts";

/** A list of statuses, one of which the fact has. */
const statusTest = (name: FactName): TestKind =>
  expandedTest((list, run) => then(factOf(name, "", run), ({ result }) => statusIn(result, list)));

/** `spf = pass : neutral` (RFC 7208). */
export const spf = statusTest("spf");

/** `spf_guess = pass`: for senders whose domain has no record, with the record of `spf_guess`. */
export const spfGuess = statusTest("spf_guess");

/**
 * `dkim_status = pass : none` (RFC 6376): of the signature that the ACL is about; behind the DKIM ACL, of any that it was
 * asked about. Without such an ACL, of the best signature there is.
 */
export const dkimStatus = expandedTest((list, run) => {
  if (!run.acls.has("dkim")) return then(factOf("dkim", "", run), ({ result }) => statusIn(result, list));
  const status = run.session.message.found.get("dkim_verify_status") ?? "";
  const statuses = (typeof status === "object" ? textOf(status) : String(status)).split(":");
  return statuses.some((each) => statusIn(each === "" ? "none" : each, list) === "yes") ? "yes" : "no";
});

/** `dmarc_status = accept : none` (RFC 7489). */
export const dmarcStatus = statusTest("dmarc");

/** `dkim_signers = list`: the signer that the ACL is about. */
export const dkimSigners = listTest({
  kind: "string",
  subject: ({ session }) => String(session.message.found.get("dkim_cur_signer") ?? ""),
  captures: "keep",
});
