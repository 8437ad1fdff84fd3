import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { RawClient } from "../bad-input/raw-client.ts";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";

const POLICY = `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
smtp_accept_max_nonmail_hosts =
smtp_enforce_sync = false
acl_smtp_rcpt = accept
begin acl
begin routers
all:
  driver = redirect
  data = :blackhole:
`;

/** So many octets may wait in status for somebody who does not read, and as much again as a response holds. */
const MAX_WAITING = 524_288 + 131_072;
const MIN_MESSAGES = 200;
/** Less than a gateway keeps until it sends them to those who watch. */
const AT_ONCE = 5;
/** Long lines between them. */
const TALK = `NOOP ${"x".repeat(950)}\r\n`.repeat(20);

/** `POST /v1/watch`, of which nothing is read yet. */
async function watch(port: number): Promise<IncomingMessage> {
  const asked = request({ method: "POST", port, path: "/v1/watch" });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  return response;
}

interface Line {
  readonly dropped?: number;
  readonly kind?: string;
  readonly text?: string;
}

/** What one who watches has read. */
class Seen {
  lines = 0;
  dropped = 0;
  /** The session has come to its end. */
  isOver = false;
  readonly accepted = new Set<string>();
  #rest = "";

  constructor(response: IncomingMessage) {
    response.setEncoding("utf8").on("data", (text: string) => this.#take(text));
  }

  #take(text: string): void {
    const whole = (this.#rest + text).split("\n");
    this.#rest = whole.pop() ?? "";
    for (const line of whole) {
      if (line === "") continue;
      const { dropped, kind, text: said = "" } = JSON.parse(line) as Line;
      if (kind === "end") this.isOver = true;
      if (dropped === undefined) this.lines += 1;
      else this.dropped += dropped;
      const [, id] = /^250 .* id=(\S+)$/.exec(said) ?? [];
      if (id !== undefined) this.accepted.add(id);
    }
  }
}

/** What the kernel holds of what is sent from one port to another one: Linux counts it. */
async function inKernel(from: number, to: number): Promise<number> {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const rows = (await readFile("/proc/net/tcp", "latin1")).split("\n").map((row) => row.trim().split(/[ :]+/));
  const queue = (local: number, remote: number, which: 6 | 7): number => {
    const row = rows.find((fields) => fields[2] === hex(local) && fields[4] === hex(remote));
    assert.ok(row !== undefined);
    return Number.parseInt(row[which] ?? "", 16);
  };
  return queue(from, to, 6) + queue(to, from, 7);
}

test("who watches and does not read costs nobody anything, and is told how much it has missed", async (t) => {
  const file = join(await temporaryDirectory(t, "policy"), "policy");
  await writeFile(file, POLICY);
  const { postbus } = await runningPostbus(t, "--config", file);
  const http = postbus.port("http");
  const slow = await watch(http);
  const reader = await watch(http);
  t.after(async () => void slow.destroy());
  t.after(async () => void reader.destroy());
  const seen = new Seen(reader);

  const client = await RawClient.connect(postbus.port("smtp"));
  t.after(async () => client.close());
  const replies = async (count: number): Promise<string | undefined> => {
    let reply: string | undefined;
    for (let i = 0; i < count; i++) reply = await client.reply();
    return reply;
  };
  await client.send("EHLO c.test\r\n");
  await replies(2);
  // What has left the process for the one that does not read: it is in the kernel, or here.
  const { localPort = 0 } = slow.socket;
  const leftForSlow = async (): Promise<number> => (await inKernel(http, localPort)) + slow.socket.bytesRead;
  const accepted: string[] = [];
  // Until it is owed more than may wait: both watch the same sessions.
  let owed = 0;
  while (accepted.length < MIN_MESSAGES || owed < 2 * MAX_WAITING) {
    for (let i = 0; i < AT_ONCE; i++) {
      await client.send(`${TALK}MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n`);
      assert.match((await replies(23)) ?? "", /^354 /);
      await client.send("Subject: x\r\n\r\ntext\r\n.\r\n");
      const [, id = ""] = /^250 .* id=(\S+)\r\n$/.exec((await client.reply()) ?? "") ?? [];
      assert.notEqual(id, "");
      accepted.push(id);
    }
    await eventually(async () => seen.accepted.has(accepted.at(-1) ?? "") || undefined);
    owed = reader.socket.bytesRead - (await leftForSlow());
  }
  assert.deepEqual(new Set(accepted), seen.accepted);
  assert.equal(seen.dropped, 0);

  const left = await leftForSlow();
  const late = new Seen(slow);
  await eventually(async () => late.dropped > 0 || undefined);
  const waiting = slow.socket.bytesRead - left;
  assert.ok(waiting > 0 && waiting < MAX_WAITING, String(waiting));

  await client.send("QUIT\r\n");
  assert.match((await client.reply()) ?? "", /^221 /);
  client.close();
  await eventually(async () => (seen.isOver && late.isOver) || undefined);
  assert.equal(late.lines + late.dropped, seen.lines);
});
