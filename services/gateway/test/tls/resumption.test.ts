import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { makeCertificate, program } from "@postbus/testkit";
import { TicketKeys } from "../../src/tls/ticket-keys.ts";
import { startTestGateway, type TestGateway } from "../start-test-gateway.ts";
import { MemoryValues } from "./memory-values.ts";

const directory = mkdtempSync(join(tmpdir(), "postbus-resumption-"));
after(() => rmSync(directory, { recursive: true }));
const openssl = program("openssl");
const skip = openssl === undefined ? "SKIPPED: openssl is not on this machine" : undefined;

const [mx, other] = [makeCertificate("mx.test"), makeCertificate("other.test")];
const authority = makeCertificate("authority", { isAuthority: true });
const certificate = ({ certificateFile, privateKeyFile }: typeof mx): string =>
  `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}\n`;
const main = `${certificate(mx)}tls_resumption_hosts = *\nlog_selector = +tls_resumption\n`;
const RCPT = "accept message = resumption $tls_in_resumption ${listextract{$tls_in_resumption}{_RESUME_DECODE}}";
const HOUR_MS = 3_600_000;

/** Gateways that share their keys, as if they were on several machines. */
function fleet() {
  const values = new MemoryValues();
  const clock = { nowMs: Date.now() };
  return {
    clock,
    start: (text = main): Promise<TestGateway> =>
      startTestGateway({
        policy: { main: text, acls: { rcpt: RCPT } },
        shared: { ticketKeys: new TicketKeys(values, { warn: assert.fail }, () => clock.nowMs) },
      }),
  };
}

/** One word for each reply of code 250, the first of which is that to the EHLO before STARTTLS. (R and Q are commands to it.) */
const WORDS = [
  "EHLO client.example\n",
  "MAIL FROM:<s@a.test>\n",
  "rcpt TO:<ann@example.org>\n",
  "bdat 5 LAST\na:b\n",
  "quit\n",
];

/** @returns whether the session was resumed, as client and server say. */
async function session({ port }: TestGateway, version: string, options: readonly string[]): Promise<string> {
  const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-starttls", "smtp", "-crlf", "-ign_eof", `-${version}`];
  const child = spawn(openssl ?? "", [...args, ...options]);
  let output = "";
  let said = 0;
  const onData = (octets: Buffer): void => {
    output += octets.toString("latin1");
    const replies = output.match(/^250 /gm)?.length ?? 0;
    for (; said < replies && said < WORDS.length; said++) child.stdin.write(WORDS[said] ?? "");
  };
  child.stdout.on("data", onData);
  child.stderr.on("data", onData);
  // It may be gone before it has read our word.
  child.stdin.on("error", () => undefined);
  await once(child, "close");
  const [, bits, words = ""] = /resumption (\d*) (.*)/.exec(output) ?? [];
  assert.match(words, Number(bits) < 16 ? /^no session offered/ : /^session resumed/);
  return `${/^(New|Reused), TLS/m.exec(output)?.[1]} ${bits}`;
}

describe("openssl s_client, which has a ticket", { skip }, () => {
  for (const [version, resumed] of [
    ["tls1_2", "Reused 23"],
    ["tls1_3", "Reused 31"],
  ] as const) {
    const file = join(directory, version);
    const [keep, bring] = [
      ["-sess_out", file],
      ["-sess_in", file],
    ] as const;

    test(`resumes its session at another gateway (${version})`, async () => {
      const { start } = fleet();
      await using first = await start();
      await using second = await start();
      assert.equal(await session(first, version, keep), "New 11");
      const arrival = second.event(({ name }) => name === "msg:received");
      assert.equal(await session(second, version, bring), resumed);
      const event = await arrival;
      assert.equal(event.name === "msg:received" && event.isResumed, true, "the log is told");
      assert.equal(await session(first, version, bring), resumed);
    });

    test(`resumes it when the key has changed, and not when that is gone (${version})`, async () => {
      const { start, clock } = fleet();
      await using first = await start();
      await session(first, version, keep);
      clock.nowMs += 1.5 * HOUR_MS;
      await using second = await start();
      assert.equal(await session(second, version, bring), resumed);
      clock.nowMs += 2 * HOUR_MS;
      assert.equal(await session(second, version, bring), "New 11");
    });

    test(`does not resume where nobody shares a key, or with another certificate (${version})`, async () => {
      const { start } = fleet();
      await using first = await start();
      await session(first, version, keep);
      await using stranger = await fleet().start();
      assert.equal(await session(stranger, version, bring), "New 11");
      await using another = await start(`${certificate(other)}tls_resumption_hosts = *\n`);
      assert.equal(await session(another, version, bring), "New 11");
    });

    test(`does not resume where it may not, by default or when asked for a certificate (${version})`, async () => {
      const { start } = fleet();
      await using first = await start();
      await session(first, version, keep);
      const verify = `tls_try_verify_hosts = *\ntls_verify_certificates = ${authority.certificateFile}\n`;
      for (const text of [
        certificate(mx),
        `${main}${verify}`,
        `${certificate(mx)}tls_resumption_hosts = !127.0.0.1 : *`,
      ]) {
        await using gateway = await start(text);
        assert.equal(await session(gateway, version, bring), "New 1", text);
      }
    });
  }
});
