import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type DnsZone, startDnsServer } from "@postbus/testkit";

/*
 * An Exim that asks a name server of ours. It asks no port but 53, so it runs where nobody else is:
 *
 *     unshare -m -n sh -c 'ip link set lo up; mount --bind RESOLV /etc/resolv.conf; node exim-with-dns.ts ZONE PROGRAM ARGUMENT…'
 *
 * ZONE is a JSON file. Standard input is that of the program.
 */

const [zoneFile = "", program = "", ...programArguments] = process.argv.slice(2);
const zone: DnsZone = JSON.parse(readFileSync(zoneFile, "utf8"));
const server = await startDnsServer(zone, { port: 53 });
const child = spawn(program, programArguments, { stdio: "inherit" });
child.once("exit", (code) => {
  void server.stop().then(() => process.exit(code ?? 1));
});
