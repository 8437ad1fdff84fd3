// scratch
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { startDnsServer, startPostbus } from "@postbus/testkit";
import {
  memory,
  raisedPeak,
  signedMessage,
  signersZone,
  startCountingSink,
  submitMessage,
} from "./large-message-lab.ts";

const kind = process.argv[2] ?? "remote";
const line =
  process.argv[3] === "spaces"
    ? "aaa  bbb  ccc  ddd  eee  fff  ggg  hhh  iii  jjj  kkk  lll  mmm  nnn  ooo\r\n"
    : undefined;
const dns = await startDnsServer(signersZone);
const sink = await startCountingSink(kind === "slow" ? 5_000_000 : undefined);
const data = mkdtempSync("/tmp/mem/data-");
const postbus = await startPostbus({
  args: ["--data", data, "-DSMTP_PORT=0", `-DSMARTHOST=127.0.0.1::${sink.port}`],
  env: { POSTBUS_DNS_SERVERS: dns.address, NODE_OPTIONS: process.env["PB_NODE_OPTIONS"] ?? "" },
});
const port = postbus.port("smtp");
const isLocal = kind === "local";
const recipient = isLocal ? "ann@example.test" : "ann@sink.test";
const maildir = `${data}/mail/example.test/ann/new`;
let sent = 0;
const delivered = async () => {
  if (!isLocal) return sink.received(sent);
  while (!existsSync(maildir) || readdirSync(maildir).length < sent) await delay(20);
};
const small = process.env["PLAIN"] ? Buffer.from("From: joe@signer.test\r\n\r\n" + "x\r\n".repeat(1000)) : signedMessage(4000);
const big = process.env["PLAIN"] === "all" ? Buffer.from("From: joe@signer.test\r\n\r\n" + ("x".repeat(76) + "\r\n").repeat(320000)) : signedMessage(25_000_000, line);
const send = async (m: Buffer) => {
  sent++;
  await submitMessage(port, recipient, m);
};
const idle = memory(postbus.pid, "VmRSS");
for (let i = 0; i < 200; i++) await send(small);
await delivered();
await delay(1500);
const warm = memory(postbus.pid, "VmRSS");
const out: string[] = [];
const many = Number(process.env["MANY"] ?? 0);
const runs = Number(process.env["RUNS"] ?? 3);
let peakAll = 0;
for (let i = 0; i < runs; i++) {
  const t = performance.now();
  const up = await raisedPeak(postbus.pid, async () => {
    if (many > 0) await Promise.all(Array.from({ length: many }, () => send(big)));
    else await send(big);
    await delivered();
  });
  peakAll = Math.max(peakAll, memory(postbus.pid, "VmHWM"));
  out.push(`+${(up / 1e6).toFixed(1)} (${((performance.now() - t) / 1000).toFixed(1)} s)`);
  await delay(300);
}
if (isLocal) {
  const f = readdirSync(maildir).at(-1);
  const { execFileSync } = await import("node:child_process");
  const r = execFileSync("grep", ["-h", "-a", "-m1", "-A4", "^Authentication-Results", `${maildir}/${f}`]).toString();
  if (!/dkim=pass/.test(r)) out.push(r);
}
console.log(
  `${kind} ${process.argv[3] ?? ""} idle ${(idle / 1e6).toFixed(0)} warm ${(warm / 1e6).toFixed(0)} MB: ${out.join(", ")}; total above warm ${((peakAll - warm) / 1e6).toFixed(1)}; ${postbus.errors().slice(-600)}`,
);
await postbus.stop();
await sink.stop();
await dns.stop();
rmSync(data, { recursive: true });
