import type { SpamTask } from "@postbus/contracts";
import { trim } from "@postbus/mail";
import { ExpansionDefer } from "../../expansion/failures.ts";
import { Tainted } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import { askScanner, type ScanFindings } from "../scans/ask-scanner.ts";
import { expandedAddress } from "../scans/expanded-address.ts";
import { readSpamdAddress } from "../scans/spamd-address.ts";
import { isNothing, scanTest } from "./scan-condition.ts";

/** Whatever several servers may take together: the client waits no longer (RFC 5321 §4.5.3.2.6). */
const MAX_TIMEOUT_MS = 300_000;
/** Characters of `$spam_bar`, as Exim has them: one more than it says. */
const MAX_BAR = 51;

const LABEL = "spam acl condition";

/** `spam = user`: above its threshold. `user:true` is always true (Exim's manual, "Scanning with SpamAssassin and Rspamd"). */
export const spam = scanTest(LABEL, async ({ argument }, run) => {
  const [user = "", always = ""] = splitList(argument).items;
  if (isNothing(user)) return "no";
  const { session } = run;
  const address = await expandedAddress("spamd_address", run.acls.scanOptions.spamdAddress, run);
  const { servers, warnings } = readSpamdAddress(address, session.evaluation.around.now());
  for (const warning of warnings) session.log(["main"], `${LABEL}: ${warning}`);
  if (servers.length === 0) {
    throw new ExpansionDefer("no useable spamd server addresses in spamd_address configuration option.");
  }
  const task: SpamTask = { engine: "spam", user, servers };
  const inAllMs = servers.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
  const { verdict } = await askScanner(task, Math.min(inAllMs, MAX_TIMEOUT_MS), session);
  for (const [name, value] of spamVariables(verdict)) session.message.found.set(name, value);
  return verdict.score >= verdict.threshold || always === "true" ? "yes" : "no";
});

type SpamVerdict = Extract<ScanFindings["verdict"], { readonly engine: "spam" }>;

function spamVariables({ score, action, report }: SpamVerdict): [string, Tainted | string | number][] {
  const whole = Math.trunc(Math.abs(score));
  return [
    ["spam_score", score.toFixed(1)],
    ["spam_score_int", Math.trunc((score + 0.001) * 10)],
    ["spam_bar", whole === 0 ? "/" : (score > 0 ? "+" : "-").repeat(Math.min(whole, MAX_BAR))],
    ["spam_action", new Tainted(action)],
    // Each line behind the first goes on with the field that the policy makes of it.
    ["spam_report", new Tainted(trim(report).replaceAll("\n", "\n "))],
  ];
}
