import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Resolver } from "@postbus/dns";
import { checkMessage } from "@postbus/mail-auth";
import type { Transport } from "@postbus/policy";
import { openFileSpool, type Spool } from "@postbus/spool";
import { type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import type { Attempt } from "../../src/attempt.ts";
import { throughFilter } from "../../src/filter/through-filter.ts";
import { messageAsSent } from "../../src/message/message-as-sent.ts";
import { outgoingContent, outgoingSize, readOutgoing } from "../../src/message/outgoing-content.ts";
import { SigningKeys } from "../../src/message/signing/signing-keys.ts";
import { deliverToPipe } from "../../src/pipe/pipe-delivery.ts";
import { ProgramPipes } from "../../src/programs/program-pipes.ts";
import { ProgramSlots } from "../../src/programs/program-slots.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { deliverBySmtp } from "../../src/smtp/smtp-delivery.ts";
import { AS_NOBODY, LocalRig, localItem } from "../local/local-rig.ts";
import { policyTransport } from "../smtp/policy-transport.ts";
import { deliveryItem, inline, Rig, shown } from "../smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

const MESSAGE = "Subject: x\r\n\r\nbody\r\n.dot\r\n";
const noSpool: Pick<Spool, "read"> = { read: () => assert.fail("nothing is spooled") };

const attemptOf = (signal = new AbortController().signal, content = MESSAGE): Attempt => ({
  work: { id: "i", handedOut: 1, isHeld: () => true, signal },
  item: localItem("t", ["joe@d.test"]),
  content: inline(content),
});

async function filterOf(options: string): Promise<{ readonly rig: LocalRig; readonly transport: Transport }> {
  const rig = await LocalRig.start(`t:\n  driver = lmtp\n  socket = /s\n${AS_NOBODY}${options}`);
  return { rig, transport: await rig.transport("lmtp", attemptOf().item) };
}

/** What the filter makes of the message, as the wire would see it; or what the recipient is told. */
async function seen(options: string, attempt = attemptOf()): Promise<string> {
  const { rig, transport } = await filterOf(options);
  await using _ = rig;
  let text = "";
  const { results } = await throughFilter(attempt, transport, { pipes, slots: new ProgramSlots(1) }, async (given) => {
    const message = await transport.message?.("joe@d.test");
    const { changes } = messageAsSent(given.item, message, given.item.recipients, 0);
    const outgoing = await outgoingContent(given.content, changes, noSpool, given);
    assert.ok(outgoingSize(outgoing) >= MESSAGE.length);
    try {
      const octets = readOutgoing(outgoing, noSpool);
      for await (const piece of Buffer.isBuffer(octets) ? [octets] : octets) text += piece.toString("latin1");
    } catch (err) {
      text = String(err);
    }
    return { results: [], notes: [] };
  });
  return results.length === 0 ? text : shown(results[0]);
}

/** What exim-4.98 does with the same options. */
const rows: readonly [name: string, options: string, want: string][] = [
  [
    "a program sees lines that end in LF, and its output is the message",
    '/bin/sh -c "cat -A; echo err >&2"',
    "Subject: x$\r\n$\r\nbody$\r\n.dot$\r\nerr\r\n",
  ],
  ["its environment is empty", "/usr/bin/env", ""],
  ["it need not read", "/bin/echo hello", "hello\r\n"],
  ["a last line gets its end", "/usr/bin/printf a", "a\r\n"],
  ["$pipe_addresses and quoted words", '/bin/echo $pipe_addresses "two words"', "joe@d.test two words\r\n"],
  ["it has failed", '/bin/sh -c "cat; exit 3"', "LocalError: transport filter process failed (3)"],
  ["it was killed", '/bin/sh -c "kill -9 0"', "LocalError: transport filter process failed (-9)"],
  ["there is none", "/nonexistent a", "LocalError: transport filter process failed (127): unable to execute command"],
  ["its path is not looked for", "cat", "LocalError: transport filter process failed (127): unable to execute command"],
  [
    "a peer's word is none of its words",
    "/bin/echo $local_part",
    "failed: Tainted arg 1 for transport filter command: 'joe'",
  ],
  [
    "it cannot be expanded",
    "/bin/cat $nosuch",
    'deferred (-1): Expansion of "$nosuch" from command "/bin/cat $nosuch" in transport filter failed: unknown variable name "nosuch"',
  ],
];

describe('transport_filter (Exim\'s manual, "Generic options for transports")', () => {
  for (const [name, filter, want] of rows) {
    test(name, async () => assert.equal(await seen(`  transport_filter = ${filter}\n`), want));
  }

  test("is behind what the transport changes", async () => {
    const options = "  headers_add = X: 1\n  transport_filter = /usr/bin/tr a-z A-Z\n";
    assert.equal(await seen(options), "SUBJECT: X\r\nX: 1\r\n\r\nBODY\r\n.DOT\r\n");
  });

  test("has its time for each piece that is waited for", async () => {
    const options = '  transport_filter = /bin/sh -c "echo a; sleep 100"\n  transport_filter_timeout = 1s\n';
    assert.equal(await seen(options), "LocalError: transport filter timeout");
  });

  test("a message that is larger than pipes goes through", async () => {
    const body = `${"x".repeat(98)}\r\n`.repeat(5_000);
    const { length } = await seen("  transport_filter = /bin/cat\n", attemptOf(undefined, `A: b\r\n\r\n${body}`));
    assert.equal(length, body.length + 8);
  });

  test("ends with the item", async () => {
    const controller = new AbortController();
    const options = '  transport_filter = /bin/sh -c "cat; sleep 100"\n';
    const ending = seen(options, attemptOf(controller.signal));
    controller.abort();
    assert.match(await ending, /^LeaseLostError/);
  });

  test("counts among the programs that may run", async () => {
    const { rig, transport } = await filterOf("  transport_filter = /bin/cat\n");
    await using _ = rig;
    const slots = new ProgramSlots(0, 1);
    const { results } = await throughFilter(attemptOf(), transport, { pipes, slots }, () => assert.fail("delivered"));
    assert.match(shown(results[0]), /^deferred \(0\): too many programs are running/);
  });

  describe("to other hosts", () => {
    const bySmtp = async (filter: string, answer?: SmtpPeerOptions["answer"], more = "", scratch?: Spool) => {
      await using rig = new Rig();
      await using peer = await startSmtpPeer({ keywords: ["PIPELINING", "CHUNKING", "SIZE"], answer });
      const options = `transport_filter = ${filter}\ntransport_filter_timeout = 1s${more}`;
      const transport = await policyTransport(peer.port, options);
      const attempt = { ...attemptOf(), item: deliveryItem(["r@b.test"], { transport: "t" }) };
      const deps = { pipes, slots: new ProgramSlots(1) };
      const smtp = {
        pool: rig.pool,
        addresses: new AddressCache(),
        spool: scratch ?? noSpool,
        signingKeys: new SigningKeys(),
        ...(scratch && { scratch }),
      };
      const { results, notes } = await throughFilter(attempt, transport, deps, (given) =>
        deliverBySmtp(given, transport, smtp),
      );
      return { result: shown(results[0]), notes, commands: peer.commands, messages: peer.messages };
    };

    test("what the program has written goes behind DATA, with dots and line ends as they must be", async () => {
      const { commands, messages } = await bySmtp("/bin/sh -c \"cat; printf 'a\\n.b'\"");
      assert.deepEqual(messages[0]?.content, `${MESSAGE}a\r\n.b\r\n`);
      // The size is that of the message as it is before (exim-4.98).
      assert.deepEqual(commands.slice(1, 4), [
        `MAIL FROM:<s@a.test> SIZE=${MESSAGE.length + 1024}`,
        "RCPT TO:<r@b.test>",
        "DATA",
      ]);
    });

    const ends: readonly [string, string][] = [
      ['/bin/sh -c "cat; exit 3"', "(-24) H=127.0.0.1 [127.0.0.1]: transport filter process failed (3)"],
      ["/bin/sleep 100", "(110) H=127.0.0.1 [127.0.0.1]: transport filter timeout"],
    ];
    for (const [filter, want] of ends) {
      test(`${filter}: the host gets no final dot`, async () => {
        const { result, notes, messages } = await bySmtp(filter);
        assert.equal(result, `deferred ${want}`);
        assert.deepEqual([notes, messages], [[], []]);
      });
    }

    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString().replaceAll("\n", "\\n");
    const signing = `\ndkim_domain = a.test\ndkim_selector = s\ndkim_private_key = "${key}"`;
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
    const resolver = {
      resolve: async () => ({
        ...{ state: "found", records: [[`v=DKIM1; k=ed25519; p=${raw}`]], name: "s._domainkey.a.test" },
        ...{ authenticated: false, ttlSeconds: 60 },
      }),
    } as unknown as Resolver;
    const verified = async (text: string): Promise<readonly string[]> => {
      const { dkim } = await checkMessage(Buffer.from(text, "latin1"), {}, resolver);
      return dkim.map(({ result, domain }) => `${result} ${domain}`);
    };

    for (const [name, octets] of [
      ["", 0],
      [", which is too large for memory", 300_000],
    ] as const) {
      test(`what the program has written is what is signed${name}`, async () => {
        await using directory = await mkdtempDisposable(join(tmpdir(), "postbus-filter-"));
        const scratch = await openFileSpool(directory.path);
        const program = `"echo 'From: f@a.test'; cat; yes xxxxxxxx | head -c ${octets}; echo; date +%N"`;
        const { result, messages } = await bySmtp(`/bin/sh -c ${program}`, undefined, signing, scratch);
        assert.match(result, /^delivered/);
        const content = messages[0]?.content ?? "";
        assert.match(content, /^DKIM-Signature: .*\r\nFrom: f@a\.test\r\nSubject: x\r\n/s);
        assert.ok(content.length > octets);
        assert.deepEqual(await verified(content), ["pass a.test"]);
        assert.deepEqual(
          (await readdir(directory.path, { recursive: true, withFileTypes: true })).filter((each) => each.isFile()),
          [],
          "nothing is left",
        );
      });
    }

    test("a program that fails has nothing signed, and puts the message off", async () => {
      const { result, messages } = await bySmtp('/bin/sh -c "cat; exit 3"', undefined, signing);
      assert.equal(result, "deferred (-24): transport filter process failed (3)");
      assert.deepEqual(messages, []);
    });
  });

  test("of a pipe: its end is told in other words, and its time is the command's", async () => {
    const run = async (filter: string): Promise<string> => {
      await using rig = await LocalRig.start(`t:\n  driver = pipe\n  command = /bin/cat\n${AS_NOBODY}${filter}`);
      const attempt = attemptOf();
      const transport = await rig.transport("pipe", attempt.item);
      const deps = { pipes, slots: new ProgramSlots(1), spool: noSpool, now: Date.now };
      const report = await throughFilter(attempt, transport, deps, (given) => deliverToPipe(given, transport, deps));
      return shown(report.results[0]);
    };
    assert.match(await run("  transport_filter = /bin/cat\n"), /^delivered/);
    assert.equal(
      await run('  transport_filter = /bin/sh -c "exit 2"\n'),
      "deferred (-24): Transport filter process failed (2)",
    );
    const slow = "  transport_filter = /bin/sleep 100\n  transport_filter_timeout = 1s\n";
    assert.equal(await run(slow), "failed: transport filter timeout while writing to pipe");
  });
});
