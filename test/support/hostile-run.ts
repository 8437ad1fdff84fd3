import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EngineAction, startDnsServer, startPostbus, startScriptedEngine } from "@postbus/testkit";
import { RawClient } from "../bad-input/raw-client.ts";
import { Chance } from "../fuzz/chance.ts";
import { eventually } from "./eventually.ts";
import { type Scope, temporaryDirectory } from "./fixture.ts";
import { HOSTILE_ZONE, hostileMail } from "./hostile-message.ts";
import { signedMail } from "./hostile-signatures.ts";
import { chosenSeed } from "./seeded-random.ts";

const MONITOR = join(import.meta.dirname, "loop-monitor.ts");
/** What the event loop of the gateway may stand still. */
const MOST_STALL_MS = 50;
/** If a process that does nothing is held up so long, the machine is what stalls. */
const CONTROL_STALL_MS = 5;
/** Allowed above what it is after the first part. */
const MOST_GROWTH_OCTETS = 150 * 1024 * 1024;
/** Code is compiled, the libraries are loaded. */
const WARM_UP = 60;

const POLICY = `
primary_hostname = mx.test
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
smtp_accept_max_per_connection = 0
smtp_accept_max_nonmail = 1000
acl_smtp_rcpt = rcpt
acl_smtp_dkim = dkim
acl_smtp_data = data
begin acl
rcpt:
  warn !spf = pass
  warn condition = \${if eq{$sender_address_local_part}{engine}}
       control = bmi_run
  accept
dkim:
  accept
data:
  warn verify = arc
  warn condition = \${if eq{$sender_address_local_part}{engine}}
       dcc = */defer_ok
       add_header = $dcc_header
  warn condition = \${if eq{$sender_address_local_part}{engine}}
       malware = */defer_ok/tmo=1s
       add_header = X-Malware: $malware_name
  warn condition = \${if eq{$sender_address_local_part}{engine}}
       spam = nobody/defer_ok
       add_header = X-Spam: $spam_score $spam_report
  warn condition = \${if eq{$sender_address_local_part}{engine}}
       add_header = X-Bmi: $bmi_deliver $bmi_alt_location
  warn dmarc_status = *
       add_header = :at_start:\${authresults {mx.test}}
  deny dmarc_status = reject
  accept
begin routers
all:
  driver = redirect
  data = :blackhole:
`;

/** What follows comes to `bmi_config_file`; the engine stands last. */
const BMI = `begin rules
5:
  symbol = BAYES_*
8:
  action = reject
begin destinations
spam:
  action = reject
  alternate = X-Junk: yes
begin engines
rspamd:
  driver = rspamd
`;

export interface HostileRun {
  readonly scope: Scope;
  readonly amount: { readonly messages: number } | { readonly minutes: number };
  readonly connections: number;
  log(line: string): void;
}

/** Sends hostile mail through the whole program. @throws {AssertionError} it has died, stood still or grown. */
export async function hostileRun({ scope, amount, connections, log }: HostileRun): Promise<void> {
  const directory = await temporaryDirectory(scope, "hostile");
  const signed = await signedMail();
  const dns = await startDnsServer({ ...HOSTILE_ZONE, ...signed.zone }, { tamper: tampered() });
  const engine = await startScriptedEngine({
    isWhole: (request) => request.includes("\0\0\0\0"),
    answer: misbehaving(),
    keepsRequests: false,
  });
  const dccifd = await startScriptedEngine({ answer: misbehaving(), keepsRequests: false });
  // It ends what it sends.
  const spamd = await startScriptedEngine({ answer: misbehaving(), keepsRequests: false });
  const rspamd = await startScriptedEngine({ isWhole: isWholeHttp, answer: misbehaving(), keepsRequests: false });
  const all = [engine, dccifd, spamd, rspamd];
  scope.after(async () => void (await Promise.all(all.map((one) => one[Symbol.asyncDispose]()))));
  scope.after(() => dns.stop());
  const file = join(directory, "policy.conf");
  const engines = [
    `dccifd_address = 127.0.0.1 ${dccifd.port}`,
    "dcc_timeout = 1s",
    `av_scanner = clamd:127.0.0.1 ${engine.port}`,
    `spamd_address = 127.0.0.1 ${spamd.port} tmo=1s`,
    "bmi_config_file = bmi.conf",
  ];
  await writeFile(file, engines.join("\n") + POLICY);
  await writeFile(join(directory, "bmi.conf"), `${BMI}  server = 127.0.0.1 ${rspamd.port}\n  timeout = 1s\n`);
  const loops = { program: join(directory, "loop"), control: join(directory, "control") };
  const control = spawn(process.execPath, [MONITOR], { env: { POSTBUS_TEST_LOOP: loops.control }, stdio: "inherit" });
  scope.after(async () => void control.kill());
  const postbus = await startPostbus({
    args: ["--data", join(directory, "data"), "-DSMTP_PORT=0", "--config", file],
    env: {
      POSTBUS_DNS_SERVERS: dns.address,
      POSTBUS_TEST_LOOP: loops.program,
      NODE_OPTIONS: `--import=file://${MONITOR}`,
    },
  });
  scope.after(async () => postbus.stop());

  const seed = chosenSeed();
  log(`${JSON.stringify(amount)} from seed ${seed}`);
  const codes = new Map<string, number>();
  let taken = 0;
  const send = async (isEnough: () => boolean): Promise<void> => {
    await Promise.all(
      Array.from({ length: connections }, async (_, i) => {
        while (!isEnough()) await session(postbus.port("smtp"), `127.0.1.${i + 1}`, isEnough);
      }),
    );
  };
  const session = async (port: number, address: string, isEnough: () => boolean): Promise<void> => {
    const client = await RawClient.connect(port, address);
    const said = async (text: string): Promise<string> => {
      await client.send(text);
      return (await client.reply())?.slice(0, 3) ?? "end";
    };
    await client.reply();
    await said("EHLO c.bad.test\r\n");
    for (let n = 0; n < 20 && !isEnough(); n++) {
      const { returnPath, content } = hostileMail(new Chance(seed + taken++), signed.messages);
      const before = [`MAIL FROM:<${returnPath}>\r\n`, "RCPT TO:<a@here.test>\r\n", "DATA\r\n"];
      let code = "";
      for (const command of before) code = await said(command);
      if (code === "354") code = await said(`${content}.\r\n`);
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (code === "end") break;
      if (code !== "250") await said("RSET\r\n");
    }
    client.close();
  };

  await send(() => taken >= WARM_UP);
  const begunAtMs = Date.now();
  const part = (share: number) => (): boolean =>
    "minutes" in amount
      ? Date.now() - begunAtMs >= share * amount.minutes * 60_000
      : taken >= WARM_UP + share * amount.messages;
  await send(part(1 / 4));
  const early = await residentOctets(postbus.pid);
  await send(part(1));
  const late = await residentOctets(postbus.pid);
  const messages = taken - WARM_UP;
  log(
    `${messages} messages, replies ${JSON.stringify(Object.fromEntries(codes))}, memory ${inMiB(early)}, then ${inMiB(late)}`,
  );

  // It is the same process, and still takes mail.
  const said = postbus.errors().split("\n");
  assert.deepEqual(
    // What begins the text was cut.
    said.slice(1).filter((line) => line !== "" && !/^\{"level":[1-4]0,/.test(line)),
    [],
  );
  assert.ok((codes.get("250") ?? 0) > messages / 20, "mail was taken");
  assert.ok((codes.get("550") ?? 0) > messages / 50, "the author's policy was obeyed");
  assert.equal(codes.get("end"), undefined, "no session was cut off");
  const asked = all.map((one) => one.asked);
  assert.ok(Math.min(...asked) > 0, `engines were asked ${asked.join(", ")} times`);
  log(`engines were asked ${asked.join(", ")} times`);
  assert.ok(late.own - early.own < MOST_GROWTH_OCTETS, `memory has grown by ${late.own - early.own} octets`);
  await checkStalls(loops, begunAtMs, log);
}

/** Answers that are no answers, now and then. */
function tampered(): (honest: Buffer) => readonly Buffer[] {
  const chance = new Chance(chosenSeed());
  return (honest) => {
    if (!chance.oneIn(20)) return [honest];
    const spoilt = Buffer.from(honest);
    for (let i = chance.integer(8); i >= 0; i--) spoilt[chance.integer(spoilt.length)] = chance.integer(256);
    return chance.pick([[spoilt, honest], [spoilt.subarray(0, chance.integer(spoilt.length)), honest], [spoilt]]);
  };
}

/** Whether as much has come as the request says. */
function isWholeHttp(request: string): boolean {
  const length = /^Content-Length: (\d+)\r$/im.exec(request)?.[1];
  const end = request.indexOf("\r\n\r\n");
  return end !== -1 && request.length >= end + 4 + Number(length ?? 0);
}

const VERDICT = JSON.stringify({ score: 9, required_score: 5, action: "reject", symbols: { BAYES_99: { score: 4 } } });

/** What an engine says that is not well: nothing, half of it, octet by octet, garbage, very much. */
function misbehaving(): () => EngineAction {
  const chance = new Chance(chosenSeed());
  const good = [
    "A\nA\nX-DCC-test-Metrics: client.test 1000; Body=1\n\n",
    "stream: Worm FOUND\0",
    "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6.5 / 5.0\r\n\r\nGTUBE,BULK\r\n",
    `HTTP/1.1 200 OK\r\nContent-Length: ${VERDICT.length}\r\n\r\n${VERDICT}`,
  ] as const;
  return () =>
    chance.pick<EngineAction>([
      { answer: chance.pick(good) },
      { answer: chance.spoilt(chance.pick(good), ["\0", "\n", "X-DCC", "OK", "\xff"]) },
      { answer: chance.octets(400) },
      { answer: "A".repeat(200_000) },
      { answer: chance.pick(good).slice(0, 9) },
      { drip: chance.pick(good), everyMs: 100 },
      { do: "hang" },
      { do: "cut" },
    ]);
}

async function checkStalls(
  { program, control }: { readonly program: string; readonly control: string },
  fromMs: number,
  log: HostileRun["log"],
): Promise<void> {
  const ours = await eventually(async () => {
    const stretches = await read(program);
    return stretches.some(({ atMs }) => atMs > fromMs) ? stretches : undefined;
  });
  const idle = await read(control);
  let excused = 0;
  let longest = 0;
  let ownShare = 0;
  const stalls: string[] = [];
  for (const { atMs, ms, waitedMs } of ours.filter(({ atMs }) => atMs > fromMs)) {
    // A stretch of the control overlaps with ours if it ends within one of it.
    const beside = idle.filter((other) => Math.abs(other.atMs - atMs) <= 1_000).map((other) => other.ms);
    const machine = Math.max(0, ...beside);
    if (ms <= MOST_STALL_MS) {
      longest = Math.max(longest, ms);
      ownShare = Math.max(ownShare, ms - waitedMs);
    } else if (beside.length === 0 || machine > CONTROL_STALL_MS || ms - waitedMs <= MOST_STALL_MS) excused++;
    else
      stalls.push(
        `${ms.toFixed(0)} ms at ${new Date(atMs).toISOString()} (control: ${machine.toFixed(0)} ms, without a processor: ${waitedMs.toFixed(0)} ms)`,
      );
  }
  log(
    `the event loop stood still for ${longest.toFixed(0)} ms at the most, of which it had a processor for up to ${ownShare.toFixed(0)} ms`,
  );
  if (excused > 0) log(`NOT JUDGED: ${excused} of ${ours.length} stretches, in which the machine itself stood still`);
  assert.deepEqual(stalls, []);
}

/** A line of the monitor. */
interface Stretch {
  readonly atMs: number;
  readonly ms: number;
  readonly waitedMs: number;
}

async function read(file: string): Promise<readonly Stretch[]> {
  const text = await readFile(file, "latin1").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [atMs = 0, ms = 0, waitedMs = 0] = line.split(" ").map(Number);
      return { atMs, ms, waitedMs };
    });
}

interface Memory {
  /** What the process has for itself. */
  readonly own: number;
  /** Pages of files that it looks at, as those of its tables: the kernel takes them back when somebody needs memory. */
  readonly ofFiles: number;
}

/** Of a process on Linux. */
async function residentOctets(pid: number): Promise<Memory> {
  const [, resident = 0, ofFiles = 0] = (await readFile(`/proc/${pid}/statm`, "latin1")).split(" ").map(Number);
  return { own: (resident - ofFiles) * 4_096, ofFiles: ofFiles * 4_096 };
}

const inMiB = ({ own, ofFiles }: Memory): string => `${own >> 20} MiB and ${ofFiles >> 20} MiB of files`;
