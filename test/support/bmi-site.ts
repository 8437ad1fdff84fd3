import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { provisionNats } from "@postbus/bus";
import { type PostbusProcess, startNats, startPostbus, startScriptedEngine } from "@postbus/testkit";
import { text } from "../examples/text.ts";
import { type Scope, temporaryDirectory } from "./fixture.ts";
import { messagesIn } from "./mailbox.ts";

/** Octets of the record of events; the product's default would have a gigabyte set aside. */
const EVENTS_OCTETS = 256 * 1024 ** 2;

/** The snippets of the feature documents in one configuration, as they are written there. */
const policy = (): string => `primary_hostname = mx.test.example
domainlist local_domains = test.example
domainlist relay_to_domains = relay.example : mydomain.com : thatdomain.com
daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
prdr_enable
bmi_config_file = bmi.conf
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data_prdr = acl_check_prdr

begin acl
acl_check_rcpt:
  accept sender_domains = unscanned.example
${text("3.7.conf").replace("/etc/exim/bmi_optin_data", "DATA/bmi_optin_data")}
${text("3.2.conf")}
  deny
acl_check_prdr:
  deny message = not for $local_part: $bmi_alt_location
       condition = \${if def:bmi_alt_location}
  accept

begin routers
unknown:
  driver = redirect
  local_parts = nobody
  allow_fail
  data = :fail: Unknown user
${text("3.3.conf")}
${text("3.4.conf")}
alias:
  driver = redirect
  local_parts = alias
  data = child1@test.example, child2@test.example
junk:
  driver = accept
  bmi_deliver_alternate
  headers_add = $bmi_alt_location
  headers_add = X-Deliver: $bmi_deliver
  transport = local_delivery
${text("3.5.conf").replace(/check_local_user/, "headers_add = X-Brightmail-Tracker: $bmi_base64_tracker_verdict")}

begin transports
local_delivery:
  driver = appendfile
  maildir_format
  directory = DATA/mail
  headers_add = X-To: $local_part@$domain
begin retry
* * F,1h,5m
`;

/** What says how the program's engine is asked, and what follows from its answers. */
const setup = (port: number, timeout: string): string => `begin engines
rspamd:
  driver = rspamd
  server = 127.0.0.1 ${port}
  timeout = ${timeout}

begin profiles
strict:
  optin = <OPTIN STRING1> : <OPTIN STRING3>
  settings = strict

begin rules
5:
  symbol = BAYES_*
6:
  symbol = OTHER
8:
  action = reject
  profile = default

begin destinations
bad:
  symbol = VIRUS
  drop
spam:
  action = reject
  profile = strict
  alternate = X-Junk: yes
`;

/** As real rspamd answers: what is in the header fields X-Symbols and X-Action, where settings do not say otherwise. */
function answer(request: string) {
  const said = (name: string): string => new RegExp(`^${name}: ([^\\r]*)\\r$`, "im").exec(request)?.[1] ?? "";
  const action = said("Settings-ID") === "strict" && said("X-Strict") !== "" ? said("X-Strict") : said("X-Action");
  const names = said("X-Symbols")
    .split(" ")
    .filter((name) => name !== "");
  const symbols = Object.fromEntries(names.map((name) => [name, { score: 1 }]));
  const body = JSON.stringify({ score: names.length, required_score: 15, action: action || "no action", symbols });
  return said("X-Hang") === ""
    ? { answer: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}` }
    : ({ do: "hang" } as const);
}

/** Whether a request is there, with as much content as it says. */
function isWhole(request: string): boolean {
  const length = /^Content-Length: (\d+)\r$/im.exec(request)?.[1];
  const end = request.indexOf("\r\n\r\n");
  return length !== undefined && end !== -1 && request.length >= end + 4 + Number(length);
}

export interface BmiSite {
  readonly port: number;
  /** What the engine was asked. */
  readonly requests: readonly string[];
  /** Messages that were delivered with this subject, when there are so many. */
  delivered(subject: string, count: number): Promise<readonly string[]>;
  mainlog(): Promise<string>;
  /** SIGKILL. Of NATS only. */
  killScanner(): Promise<void>;
}

/** The whole program with an engine, embedded, or on NATS with scanner as a process of its own. */
export async function startBmiSite(
  scope: Scope,
  { isOnNats = false, timeout = "20s" }: { readonly isOnNats?: boolean; readonly timeout?: string } = {},
): Promise<BmiSite> {
  const data = await temporaryDirectory(scope, "bmi");
  const engine = await startScriptedEngine({ isWhole, answer });
  scope.after(async () => engine[Symbol.asyncDispose]());
  const file = join(data, "policy.conf");
  await writeFile(file, policy().replaceAll("DATA/", `${data}/`), "latin1");
  await writeFile(join(data, "bmi.conf"), setup(engine.port, timeout), "latin1");
  await writeFile(join(data, "bmi_optin_data"), text("3.7-data.txt").replaceAll(/^ +/gm, ""), "latin1");
  const env: Record<string, string> = {};
  const running: PostbusProcess[] = [];
  scope.after(() => Promise.all(running.map((postbus) => postbus.kill())));
  if (isOnNats) {
    const nats = await startNats();
    scope.after(async () => nats.stop());
    Object.assign(env, { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl });
    await provisionNats({ servers: [nats.url], replicas: 1, eventsMaxOctets: EVENTS_OCTETS });
  }
  const start = async (...names: string[]): Promise<PostbusProcess> => {
    const postbus = await startPostbus({ args: [...names, "--data", data, "--config", file], env });
    running.push(postbus);
    return postbus;
  };
  const scanner = isOnNats ? start("scanner") : undefined;
  const postbus = await start(...(isOnNats ? ["logger", "verifier", "delivery", "router", "gateway", "status"] : []));
  const scanning = await scanner;
  const maildir = join(data, "mail");
  const delivered = async (subject: string, count: number): Promise<readonly string[]> => {
    const isWanted = (message: string): boolean => message.includes(`\nSubject: ${subject}\n`);
    for (let all = count; ; all++) {
      const found = (await messagesIn(maildir, all)).filter(isWanted);
      if (found.length >= count) return found;
    }
  };
  return {
    port: postbus.port("smtp"),
    requests: engine.requests,
    delivered,
    mainlog: () => readFile(join(data, "log/mainlog"), "latin1"),
    async killScanner() {
      await scanning?.kill();
    },
  };
}
