import type { DccTask } from "@postbus/contracts";
import { fullHost } from "../../carried/client-host.ts";
import { ExpansionDefer } from "../../expansion/failures.ts";
import { Tainted, textOf } from "../../expansion/value.ts";
import type { AclRun } from "../acl-run.ts";
import { addHeaderText } from "../added-headers.ts";
import { askScanner, type ScanFindings } from "../scans/ask-scanner.ts";
import type { AclSession } from "../session.ts";
import { withHeaderText } from "../smtp/received-content.ts";
import { isNothing, SilentDefer, scanTest } from "./scan-condition.ts";

type Findings = ScanFindings<Extract<ScanFindings["verdict"], { readonly engine: "dcc" }>>;

/** What Exim tells dccifd of HELO: these words, whatever the client has said. */
const EXIM_HELO = "HELO localhost";
/** For a message that has come over no network. */
const LOCAL_ADDRESS = "127.0.0.1";

/**
 * `dcc = *`: the Distributed Checksum Clearinghouses take the message for no bulk. Where each recipient is asked about (PRDR),
 * dccifd's answer for that one counts.
 */
export const dcc = scanTest("DCC", async ({ argument }, run) => {
  if (isNothing(argument)) return "no";
  const { session } = run;
  const task = taskOf(run);
  const { addsHeader, timeoutMs } = run.acls.scanOptions.dcc;
  const findings = await askScanner(task, timeoutMs, session, (found) => {
    tell(found, session);
    if (addsHeader) addHeaders(found, session);
  });
  const { verdict, recipients } = findings;
  const { found } = session.message;
  const result = resultOf(verdict.overall);
  found.set("dcc_result", result);
  found.set("dcc_header", headerOf(findings));
  found.set("dcc_rcpt_results", verdict.recipients);
  if (result === "" || result === "T") throw new SilentDefer("dcc: temporary failure");
  const own =
    run.stage === "data_prdr" ? verdict.recipients[recipients.indexOf(session.recipient?.address ?? "")] : undefined;
  return (own ?? result) === "A" ? "yes" : "no";
});

function taskOf({ acls, session }: AclRun): DccTask {
  const { server, address, options, saysRealHelo } = acls.scanOptions.dcc;
  if (server === undefined) throw new ExpansionDefer(`warning - invalid dccifd address: '${address}'`);
  const { connection, message } = session;
  const override = message.variables.get("acl_m_dcc_override_client_ip");
  const given = override === undefined ? "" : textOf(override);
  return {
    engine: "dcc",
    server,
    options,
    clientAddress: given || connection.client.address || LOCAL_ADDRESS,
    helo: saysRealHelo ? connection.helo : EXIM_HELO,
  };
}

/** `A`, `R`, `G`; `T` for what it could not say, and for what nobody understands; empty: nothing was said. */
function resultOf(overall: string): string {
  const letter = overall.charAt(0);
  if (letter === "S") return "A";
  return letter === "" || "ARG".includes(letter) ? letter : "T";
}

/** Lines of the log, in Exim's words. */
function tell({ verdict: { overall } }: Findings, session: AclSession): void {
  const letter = overall.charAt(0);
  const { connection, message } = session;
  if (letter === "R") {
    const { helo, hostName, client } = connection;
    const host = textOf(fullHost({ helo, hostName, address: client.address }));
    session.log(["main"], `H=${host} F=<${message.returnPath ?? ""}>: rejected by DCC`);
  } else if (letter === "T") session.log(["main"], `Temporary error with DCC: ${overall}`);
  else if (letter !== "" && !"ASG".includes(letter)) session.log(["main"], `Unknown DCC response: ${overall}`);
  else if (overall.length > 1) session.log(["main"], `Wrong header from DCC, output is ${overall}`);
}

/** With its line end, as Exim has it in `$dcc_header`. */
const headerOf = ({ verdict: { header } }: Findings): Tainted | string =>
  header === "" ? "" : new Tainted(`${header}\n`);

/** `dcc_direct_add_header`: conditions and scanners behind it see the lines. */
function addHeaders({ verdict: { header } }: Findings, { message }: AclSession): void {
  const more = message.variables.get("acl_m_dcc_add_header");
  for (const text of [header, more === undefined ? "" : textOf(more)]) {
    const before = message.addedHeaders.length;
    addHeaderText(message, text);
    const added = message.addedHeaders.slice(before).map((line) => line.text);
    if (message.content !== undefined && added.length > 0) message.content = withHeaderText(message.content, added);
  }
}
