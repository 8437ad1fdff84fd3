import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { raisedPeak } from "../support/large-message-lab.ts";

const RECIPIENTS = 1_000_001;
/** Exim's default of recipients_max, which is ours as well. */
const TAKEN = 50_000;
const IN_ONE_WRITE = 5_000;
const MAX_RAISE_OCTETS = 200_000_000;

const POLICY = `
primary_hostname = mx.test
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
begin routers
all:
  driver = redirect
  data = :blackhole:
`;

/** Replies by their codes. */
async function send(port: number): Promise<Map<string, number>> {
  const codes = new Map<string, number>();
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  let rest = "";
  let count = 0;
  socket.on("data", (octets: Buffer) => {
    const lines = (rest + octets.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.charAt(3) !== " ") continue;
      count += 1;
      const code = line.slice(0, 3);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  });
  const write = async (text: string): Promise<void> => {
    if (!socket.write(text, "latin1")) await once(socket, "drain");
  };
  const replied = (wanted: number) => eventually(async () => count >= wanted || undefined);
  await replied(1);
  await write("EHLO client.test\r\n");
  await replied(2);
  await write("MAIL FROM:<a@b.test>\r\n");
  for (let sent = 0; sent < RECIPIENTS; ) {
    const next = Math.min(IN_ONE_WRITE, RECIPIENTS - sent);
    await write(Array.from({ length: next }, (_, i) => `RCPT TO:<u${sent + i}@b.test>\r\n`).join(""));
    sent += next;
    // A client that does not read is not read from.
    await replied(3 + sent - next);
  }
  await write("DATA\r\n");
  await replied(4 + RECIPIENTS);
  await write("Subject: many\r\n\r\ntext\r\n.\r\n");
  await replied(5 + RECIPIENTS);
  await write("QUIT\r\n");
  await once(socket, "close");
  return codes;
}

test("1,000,001 recipients: as many as may be are taken, the others put off, memory is bounded", async (t: TestContext) => {
  const file = join(await temporaryDirectory(t, "many-recipients"), "policy.conf");
  await writeFile(file, POLICY);
  const { postbus, data } = await runningPostbus(t, "--config", file);
  let codes = new Map<string, number>();
  const raise = await raisedPeak(postbus.pid, async () => {
    codes = await send(postbus.port("smtp"));
  });
  t.diagnostic(`${(raise / 1e6).toFixed(1)} MB`);
  // Greeting, EHLO's, MAIL, the final dot, QUIT.
  assert.deepEqual(Object.fromEntries(codes), { 220: 1, 250: 3 + TAKEN, 452: RECIPIENTS - TAKEN, 354: 1, 221: 1 });
  assert.ok(raise < MAX_RAISE_OCTETS, `${raise} octets`);
  await eventually(async () => {
    const log = await readFile(join(data, "log", "mainlog"), "latin1");
    return / Completed$/m.test(log) || undefined;
  });
  assert.equal(postbus.errors(), "");
});
