import { then } from "../../expansion/code.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import { compileItems, type Items } from "../../matching/compile-items.ts";
import { subjectOf } from "../../matching/subject.ts";
import type { AclRun } from "../acl-run.ts";
import { factOf, statusIn } from "../ask-fact.ts";
import type { Fact, FactName } from "../facts.ts";
import { setSpfVariables } from "../spf/spf-variables.ts";
import { expandedTest, readTest, type TestKind } from "../test.ts";
import { listTest } from "./list-test.ts";

/** A list of statuses, as any list of strings: `pass : neutral`, `!fail`, `*`; the first item that applies decides. */
const statusTest = (ask: (run: AclRun) => ReturnType<typeof factOf>): TestKind =>
  readTest(statusList, (list, run) =>
    then(ask(run), ({ result }) =>
      then(list.match(run.evaluation, subjectOf(result)), (matched) => (matched === undefined ? "no" : "yes")),
    ),
  );

function statusList(value: Value): Items {
  const text = textOf(value).replace(OLD_NAME, (_, before: string, name: string) => before + (NEW_NAMES[name] ?? name));
  return compileItems("string", text, { isTainted: value instanceof Tainted });
}

/** An item that is one of the names of SPF results in its first descriptions, or what Exim says of a record with a fault. */
const OLD_NAME = /((?:^|[:;,])[ \t\n]*!?[ \t]*)(err_perm|err_temp|\(?invalid\)?)(?=[ \t\n]*(?:$|[:;,]))/g;
const NEW_NAMES: Readonly<Record<string, string | undefined>> = {
  err_perm: "permerror",
  err_temp: "temperror",
  invalid: "permerror",
  "(invalid)": "permerror",
};

/** With what is known of it, the variables say so: those of the last check that an ACL has asked for. */
function spfOf(fact: Fact, { session }: AclRun): ReturnType<typeof factOf> {
  return fact.spf === undefined ? fact : then(setSpfVariables(fact.result, fact.spf, session), () => fact);
}

const askSpf = (run: AclRun): ReturnType<typeof factOf> => then(factOf("spf", "", run), (fact) => spfOf(fact, run));

/** `spf = pass : neutral` (RFC 7208). */
export const spf = statusTest(askSpf);

/** `spf_guess = pass`: for senders whose domain has no record, with the record of the main option `spf_guess`. */
export const spfGuess = statusTest((run) =>
  then(askSpf(run), (fact) => {
    if (fact.result !== "none") return fact;
    return then(factOf("spf_guess", run.session.names.spfGuess, run), (guess) => spfOf(guess, run));
  }),
);

/** A fact that is asked for without further ado. */
const plainStatusTest = (name: FactName): TestKind => statusTest((run) => factOf(name, "", run));
/**
 * `dkim_status = pass : none` (RFC 6376): of the signature that the ACL is about; behind the DKIM ACL, of any that it was
 * asked about. Without such an ACL, of the best signature there is.
 */
export const dkimStatus = expandedTest((list, run) => {
  const { message } = run.session;
  if (!run.acls.has("dkim") && message.controls.isDkimOff !== true)
    return then(factOf("dkim", "", run), ({ result }) => statusIn(result, list));
  const status = message.found.get("dkim_verify_status") ?? "";
  const statuses = (typeof status === "object" ? textOf(status) : String(status)).split(":");
  return statuses.some((each) => statusIn(each === "" ? "none" : each, list) === "yes") ? "yes" : "no";
});

/** `dmarc_status = accept : none` (RFC 7489). */
export const dmarcStatus = plainStatusTest("dmarc");

/** `dkim_signers = list`: the signer that the ACL is about. */
export const dkimSigners = listTest({
  kind: "string",
  subject: ({ session }) => String(session.message.found.get("dkim_cur_signer") ?? ""),
  captures: "keep",
});
