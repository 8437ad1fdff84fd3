import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSigningKey, signMessage } from "@postbus/mail-auth";
import { startDnsServer } from "@postbus/testkit";

/** What stands around systems that verify what comes in. */
export interface FilterLab {
  /** A name server that knows key and SPF record. */
  readonly dnsAddress: string;
  /** Before a command line: a program that can only ask the name server of resolv.conf asks that one. */
  readonly prefix: readonly string[];
  /** For OpenDKIM, which is told the keys. */
  readonly keyFile: string;
  /** A signed message, with LF. */
  readonly messageFile: string;
  stop(): Promise<void>;
}

const LINE = "The quick brown fox jumps over the lazy dog, and does so again and again.\n";
/** Other programs ask no other. */
const DNS_PORT = 53;

/** @throws {Error} no name server can be started on port 53: it needs root, and that nobody else is there. */
export async function openFilterLab(directory: string): Promise<FilterLab> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  const zone = {
    "bench.test": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
    "sel._domainkey.bench.test": { TXT: [[`v=DKIM1; k=rsa; p=${key.slice(0, 200)}`, key.slice(200)]] },
  };
  const dns = await startDnsServer(zone, { port: DNS_PORT, ttlSeconds: 3600, negativeTtlSeconds: 3600 });
  const [resolvConf, keyFile, messageFile] = ["resolv.conf", "keys", "message"].map((name) => join(directory, name));
  if (resolvConf === undefined || keyFile === undefined || messageFile === undefined) throw new Error("no names");
  writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
  writeFileSync(keyFile, `sel._domainkey.bench.test v=DKIM1; k=rsa; p=${key}\n`);
  const fields = ["From", "To", "Subject", "Date", "Message-ID"];
  const header = "From: sender@bench.test\nTo: user@sink.test\nSubject: bench\nDate: Sat, 28 Nov 2026 12:00:00 +0000\n";
  const text = `${header}Message-ID: <1@bench.test>\n\n${LINE.repeat(48)}`;
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const how = { key: readSigningKey(pem), canonicalization: "relaxed" as const, hash: "sha256" as const, fields };
  const dkim = [{ domain: "bench.test", selector: "sel", ...how }];
  const signed = await signMessage(Buffer.from(text.replaceAll("\n", "\r\n")), { dkim }, Date.now());
  writeFileSync(messageFile, signed.fields.replaceAll("\r\n", "\n") + text);
  const bind = `mount --bind ${resolvConf} /etc/resolv.conf && exec "$@"`;
  return {
    ...{ dnsAddress: dns.address, keyFile, messageFile },
    prefix: ["unshare", "--mount", "sh", "-c", bind, "sh"],
    stop: () => dns.stop(),
  };
}

/** SPF at RCPT, all signatures behind the content; what is not proved is refused, so that the figures are of mail that was looked at. */
export const filterPolicy = (sinkPort: number, listen: string): string => `
${listen}
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  require spf = pass
  accept
data:
  require dkim_status = pass
  accept
begin routers
live:
  driver = manualroute
  route_list = * 127.0.0.1::${sinkPort} byname
  transport = out
  self = send
begin transports
out:
  driver = smtp
begin retry
* * F,4d,1m
`;
