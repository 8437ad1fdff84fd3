import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { freePort, makeCertificate } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { type Running, runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { RawClient } from "./raw-client.ts";

/** A process that has been through all of the rows has no more than that above what it had before them. */
const MOST_GROWTH_OCTETS = 200 * 1024 * 1024;

/** The program with a policy that looks at much of what clients send. */
export interface TriedServer {
  readonly port: number;
  readonly tlsPort: number;
  /** All lines of mainlog and rejectlog. */
  log(): Promise<string>;
  /** It is the same process, takes a good message, has delivered all that it took, and its memory is bounded. */
  isWell(taken: number): Promise<void>;
}

const policyOf = (tlsPort: number, certificateFile: string, privateKeyFile: string): string => `
primary_hostname = mx.test
daemon_smtp_ports = SMTP_PORT : ${tlsPort}
tls_on_connect_ports = ${tlsPort}
local_interfaces = 127.0.0.1
tls_certificate = \${if match{$tls_in_sni}{^other}{/nowhere/$tls_in_sni.pem}{${certificateFile}}}
tls_privatekey = ${privateKeyFile}
hosts_proxy = 127.0.0.2
message_size_limit = 5M
recipients_max = 1000
smtp_accept_max_nonmail = 20
dsn_advertise_hosts = *
allow_domain_literals
prdr_enable
keep_environment = POSTBUS_DATA
acl_smtp_connect = connect
acl_smtp_rcpt = rcpt
acl_smtp_data = data
acl_smtp_data_prdr = prdr
begin acl
connect:
  accept hosts = 127.0.0.3
         delay = 2s
  accept
rcpt:
  accept domains = example.test
  deny message = 550 5.7.1 relay not permitted
       log_message = relay not permitted
prdr:
  deny local_parts = y
       message = not y
  accept
data:
  warn !verify = header_syntax
       set acl_m_syntax = bad
  warn condition = \${if match{$h_subject:$h_from:$message_body$message_body_end}{nothing that anybody writes}}
  accept add_header = X-Seen: $acl_m_syntax \${length_50:$rh_subject:}
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = \${env{POSTBUS_DATA}}/mail
  maildir_format
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = \${if def:tls_in_cipher}
  server_condition = \${if eq{$auth3}{open sesame}}
  server_set_id = $auth2
`;

export async function triedServer(): Promise<TriedServer> {
  const directory = await temporaryDirectory({ after }, "bad-input");
  const file = join(directory, "policy.conf");
  const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
  const tlsPort = await freePort();
  await writeFile(file, policyOf(tlsPort, certificateFile, privateKeyFile));
  const running = await runningPostbus({ after }, "--config", file);
  const { port, pid } = { port: running.postbus.port("smtp"), pid: running.postbus.pid };
  const before = await residentOctets(pid);
  return {
    port,
    tlsPort,
    log: () => logOf(running),
    async isWell(taken) {
      await sendGood(port);
      await eventually(async () => ((await delivered(running)) === taken + 1 ? true : undefined));
      const growth = (await residentOctets(pid)) - before;
      assert.ok(growth < MOST_GROWTH_OCTETS, `memory has grown by ${growth} octets`);
      assert.equal(running.postbus.errors(), "");
    },
  };
}

async function sendGood(port: number): Promise<void> {
  const client = await RawClient.connect(port);
  await client.reply();
  await client.send("EHLO good.example\r\n");
  await client.reply();
  await client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<good@example.test>\r\nDATA\r\n");
  for (const code of ["250", "250", "354"]) assert.equal((await client.reply())?.slice(0, 3), code);
  await client.send("Subject: good\r\n\r\ntext\r\n.\r\nQUIT\r\n");
  assert.equal((await client.reply())?.slice(0, 3), "250");
  await client.reply();
  await client.ended();
  client.close();
}

const delivered = async ({ data }: Running): Promise<number> =>
  (await readdir(join(data, "mail", "new")).catch(() => [])).length;

async function logOf({ data }: Running): Promise<string> {
  const files = ["mainlog", "rejectlog"].map((name) => readFile(join(data, "log", name), "latin1").catch(() => ""));
  return (await Promise.all(files)).join("\n");
}

/** Of a process on Linux. */
async function residentOctets(pid: number): Promise<number> {
  const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "latin1")).split(" ");
  return Number(pages) * 4_096;
}
