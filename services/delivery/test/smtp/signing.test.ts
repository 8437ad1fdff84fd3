import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { createResolver, parseServers } from "@postbus/dns";
import { checkMessage } from "@postbus/mail-auth";
import type { Spool } from "@postbus/spool";
import { eximAsClient, eximCommand, freePort, program, startDnsServer, startSmtpPeer } from "@postbus/testkit";
import { policyTransport } from "./policy-transport.ts";
import { inline, Rig, type SendOptions, shown } from "./rig.ts";

const run = promisify(execFile);
const EXIM = "exim-4.98";

const directory = mkdtempSync(join(tmpdir(), "postbus-sign-"));
chmodSync(directory, 0o755);
after(() => rmSync(directory, { recursive: true, force: true }));

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");
const written = (name: string, key: KeyObject): string => {
  const file = join(directory, name);
  writeFileSync(file, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o644 });
  return file;
};
const rsaKey = written("rsa.key", rsa.privateKey);
const edKey = written("ed.key", ed25519.privateKey);

const rsaRecord = `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;
const edRecord = `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`;
const server = await startDnsServer({
  "sel._domainkey.a.test": { TXT: [rsaRecord] },
  "s_l._domainkey.a.test": { TXT: [rsaRecord] },
  "two._domainkey.a.test": { TXT: [rsaRecord] },
  "sel._domainkey.c.test": { TXT: [rsaRecord] },
  "ed._domainkey.a.test": { TXT: [edRecord] },
});
after(() => server.stop());
const resolver = createResolver({ servers: parseServers(server.address), attemptTimeoutMs: 5_000, deadlineMs: 10_000 });

const MESSAGE =
  "Received: from x by y\r\nFrom: Ann  <ann@a.test>\r\nTo: r@b.test\r\nTo: s@b.test\r\n" +
  "Subject:  two   blanks \r\nX-Other: no\r\n\r\nHello.  \r\n\r\n";

/** The message as a peer gets it, with what came of it. */
async function sent(options: string, more: SendOptions = {}, spool?: Pick<Spool, "read">) {
  await using peer = await startSmtpPeer({ keywords: ["SIZE", "CHUNKING"] });
  await using rig = new Rig(spool === undefined ? {} : { spool });
  const transport = await policyTransport(peer.port, options, "", more.item);
  const { results, notes } = await rig.deliver(transport, { content: inline(MESSAGE), ...more });
  return { text: peer.messages[0]?.content ?? "", results, notes };
}

const verified = async (text: string): Promise<string> => {
  const { dkim } = await checkMessage(Buffer.from(text, "latin1"), {}, resolver);
  return dkim.map(({ result, domain, selector }) => `${domain}:${selector} ${result}`).join(", ");
};

const BASIC = `dkim_domain = a.test\ndkim_selector = sel\ndkim_private_key = ${rsaKey}`;

/** With each of them, our fields are those of Exim but for how they are folded; RSA gives the same signature for the same text. */
const rows: readonly [name: string, options: string][] = [
  ["domain, selector and key", BASIC],
  ["simple canonicalization", `${BASIC}\ndkim_canon = simple`],
  ["another hash", `${BASIC}\ndkim_hash = sha512`],
  ["an identity", `${BASIC}\ndkim_identity = ann@a.test`],
  ["an identity below the domain", `${BASIC}\ndkim_identity = @sub.$dkim_domain`],
  ["a selector that is no host's name", BASIC.replace("= sel", "= s_l")],
  ["fields of our choice", `${BASIC}\ndkim_sign_headers = From:To:To:To:Subject:Date`],
  ["all that are there", `${BASIC}\ndkim_sign_headers = =From:=To:=Cc`],
  ["and one more", `${BASIC}\ndkim_sign_headers = +From:+To:+Cc`],
  ["the predefined list", `${BASIC}\ndkim_sign_headers = _DKIM_SIGN_HEADERS`],
  ["none can be added", `${BASIC}\ndkim_sign_headers = _DKIM_OVERSIGN_HEADERS`],
  ["two domains", `${BASIC.replace("= a.test", "= A.test : c.test")}`],
  ["two selectors", `${BASIC.replace("= sel", "= sel : two")}`],
  ["an Ed25519 key", `${BASIC.replace(rsaKey, edKey).replace("= sel", "= ed")}`],
  ["a key that depends on the domain", BASIC.replace(rsaKey, `\${if eq{$dkim_domain}{a.test}{${rsaKey}}{0}}`)],
  ["no domain", BASIC.replace("= a.test", "=")],
  ["no key", BASIC.replace(rsaKey, "${if eq{a}{b}{x}}")],
  ["the key `false`", BASIC.replace(rsaKey, "false")],
];

/** The signature fields of a message, each as its tags in order. What depends on the moment is left out. */
function signatures(text: string): string[] {
  const [header = ""] = text.split("\r\n\r\n");
  return (header.match(/^DKIM-Signature:.*(?:\r\n[ \t].*)*/gm) ?? []).map((field) =>
    field
      .slice(field.indexOf(":") + 1)
      .replaceAll(/\s+/g, "")
      .replace(/;b=[^;]*/, ""),
  );
}

async function signedByExim(port: number, options: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "postbus-exim-"));
  try {
    const config = eximAsClient(port, `helo_data = me.test\n  ${options.replaceAll("\n", "\n  ")}`);
    const [command = "", ...args] = eximCommand(EXIM, config, { port: await freePort(), directory: home });
    const running = run(command, [...args, "-odi", "-f", "s@a.test", "r@b.test"]);
    running.child.stdin?.end(MESSAGE.replaceAll("\r\n", "\n"));
    await running;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

describe("signatures of outgoing mail", () => {
  for (const [name, options] of rows) {
    test(`hold: ${name}`, async () => {
      const { text, results, notes } = await sent(options);
      assert.equal(results[0]?.outcome, "delivered", shown(results[0]));
      assert.deepEqual(notes, []);
      const expected = signatures(text).map((tags) => {
        const tag = (letter: string): string => new RegExp(`(?:^|;)${letter}=([^;]*)`).exec(tags)?.[1] ?? "";
        return `${tag("d")}:${tag("s")} pass`;
      });
      // RFC 8301 knows SHA-256 only.
      if (!options.includes("sha512")) assert.equal(await verified(text), expected.join(", "));
      const signers = results[0]?.signers ?? [];
      assert.deepEqual(
        signers,
        expected.map((line) => line.replace(" pass", "")),
      );
    });

    const skip = program(EXIM) === undefined ? `${EXIM} is not on this machine` : false;
    test(`are those of Exim: ${name}`, { skip }, async () => {
      await using peer = await startSmtpPeer({ keywords: ["SIZE"] });
      await signedByExim(peer.port, options);
      const theirs = peer.messages[0]?.content ?? "";
      // What Exim has added is part of what it signs.
      const [header = "", body = ""] = theirs.split(/\r\n\r\n(.*)/s);
      const unsigned = header.replaceAll(/^DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*/gm, "");
      const { text } = await sent(options, { content: inline(`${unsigned}\r\n\r\n${body}`) });
      assert.deepEqual(signatures(text), signatures(theirs));
      if (!options.includes("sha512")) assert.doesNotMatch(await verified(theirs), /fail|error|neutral/);
    });
  }

  test("are about what leaves us: with what router and transport change, over line ends as the peer sees them", async () => {
    const content = inline("From: ann@a.test\r\nX-Gone: 1\r\n\r\nbare\nfeed\r\nno end");
    const options = `${BASIC}\nheaders_add = Subject: added\nheaders_remove = X-Gone\nreturn_path_add\ndkim_sign_headers = +From:+Subject`;
    const { text } = await sent(options, { content });
    assert.match(
      text,
      /^DKIM-Signature: .*\r\nReturn-path: <s@a\.test>\r\nFrom: .*\r\nSubject: added\r\n\r\nbare\r\nfeed\r\nno end\r\n$/s,
    );
    assert.match(signatures(text)[0] ?? "", /;h=Subject:From:From:Subject;/);
    assert.equal(await verified(text), "a.test:sel pass");
  });

  test("of content in the spool are made in one more reading of it", async () => {
    const octets = Buffer.from(`From: ann@a.test\r\n\r\n${"line\r\n".repeat(100_000)}`, "latin1");
    let readings = 0;
    async function* pieces(): AsyncGenerator<Buffer> {
      readings++;
      const memory = Buffer.alloc(10_000);
      for (let at = 0; at < octets.length; at += memory.length) {
        yield memory.subarray(0, octets.copy(memory, 0, at, at + memory.length));
        memory.fill("!");
      }
    }
    const sha256 = createHash("sha256").update(octets).digest("hex");
    const content = { kind: "spooled" as const, id: "x", size: octets.length, sha256 };
    const { text, results } = await sent(
      `${BASIC}\ndata_timeout = 20s\nfinal_timeout = 20s`,
      { content },
      { read: pieces },
    );
    assert.equal(results[0]?.outcome, "delivered", shown(results[0]));
    assert.equal(readings, 2);
    assert.equal(await verified(text), "a.test:sel pass");
  });

  const faults: readonly [name: string, options: string, note: RegExp][] = [
    [
      "no such file",
      BASIC.replace(rsaKey, "/nowhere/key"),
      /^unable to open file '\/nowhere\/key' for reading: ENOENT/,
    ],
    ["no key", BASIC.replace(rsaKey, "abc"), /^dkim_private_key: neither a private key nor the name of a file$/],
    ["a hash that nobody takes", `${BASIC}\ndkim_hash = sha1`, /^DKIM: bad hash specification 'sha1'$/],
    [
      "an expansion that fails",
      BASIC.replace("= sel", "= ${lookup{x}lsearch{/nowhere}}"),
      /^failed to expand dkim_selector: /,
    ],
    ["a file that a peer names", BASIC.replace(rsaKey, "/keys/$sender_address_domain"), /^attempt to use tainted/],
    [
      "an expansion that is made to fail",
      BASIC.replace("= sel", "= ${if eq{a}{b}{x}fail}"),
      /^failed to expand dkim_selector: /,
    ],
    ["From unsigned", `${BASIC}\ndkim_sign_headers = To:Subject`, /^DKIM: From is not in dkim_sign_headers$/],
    ["no field signed", `${BASIC}\ndkim_sign_headers = \${if eq{a}{b}{x}}`, /^DKIM: From is not in dkim_sign_headers$/],
    [
      "the identity of somebody else",
      `${BASIC}\ndkim_identity = ann@xa.test`,
      /^DKIM: dkim_identity 'ann@xa.test' is outside of a.test$/,
    ],
    ["no seconds", `${BASIC}\ndkim_timestamps = \${if eq{a}{a}{soon}}`, /^DKIM: bad timestamps 'soon'$/],
  ];

  for (const [name, options, note] of faults) {
    test(`that cannot be made are left out, and it is said why: ${name}`, async () => {
      const { text, results, notes } = await sent(options);
      assert.equal(results[0]?.outcome, "delivered");
      assert.deepEqual(signatures(text), []);
      assert.match(notes[0] ?? "", note);
    });

    test(`with dkim_strict the message stays here: ${name}`, async () => {
      const { text, results } = await sent(`${options}\ndkim_strict = true`);
      assert.equal(text, "");
      assert.equal(
        shown(results[0]),
        "deferred (13): DKIM: message could not be signed, and dkim_strict is set. Deferring message delivery.",
      );
    });
  }

  test("a domain that is named twice, in any case, signs once", async () => {
    const { text } = await sent(BASIC.replace("= a.test", "= a.test : c.test : A.TEST : a.test"));
    assert.equal(await verified(text), "a.test:sel pass, c.test:sel pass");
  });

  test("a canonicalization that is none is relaxed, which is said", async () => {
    const { text, notes } = await sent(`${BASIC}\ndkim_canon = loose`);
    assert.match(signatures(text)[0] ?? "", /;c=relaxed\/relaxed;/);
    assert.deepEqual(notes, [" DKIM: unknown canonicalization method 'loose', defaulting to 'relaxed'."]);
  });

  test("dkim_timestamps: from now, and until then", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { text } = await sent(`${BASIC}\ndkim_timestamps = 3600`);
    const [, t = "", x = ""] = /;t=([0-9]+);x=([0-9]+)/.exec(signatures(text)[0] ?? "") ?? [];
    assert.ok(Number(t) >= before && Number(t) <= Math.ceil(Date.now() / 1000));
    assert.equal(Number(x), Number(t) + 3600);
    assert.equal(await verified(text), "a.test:sel pass");
  });
});

describe("arc_sign", () => {
  const sealing = `arc_sign = a.test : sel : ${rsaKey} : timestamps,expire=+3600`;
  const own = `Authentication-Results: a.test;\r\n\tarc=none\r\n${MESSAGE}`;
  const arcOf = async (text: string) =>
    (await checkMessage(Buffer.from(text, "latin1"), { wantsArc: true }, resolver)).arc;

  test("puts a set on top, over the DKIM signature, with t= and x=", async () => {
    const reception = { protocol: "esmtp", size: 100, clientAddress: "192.0.2.7" };
    const { text, notes } = await sent(`${BASIC}\n${sealing}`, { content: inline(own), item: { reception } });
    assert.deepEqual(notes, []);
    const names = text.match(/^[A-Za-z-]+(?=:)/gm)?.slice(0, 5);
    const expected = ["ARC-Seal", "ARC-Authentication-Results", "ARC-Message-Signature", "DKIM-Signature"];
    assert.deepEqual(names, [...expected, "Authentication-Results"]);
    assert.match(text, /^ARC-Authentication-Results: i=1; a\.test; smtp\.remote-ip=192\.0\.2\.7;\r\n\tarc=none\r\n/m);
    assert.equal((await arcOf(text))?.result, "pass");
    assert.equal(await verified(text), "a.test:sel pass");
    const again = `Authentication-Results: a.test;\r\n\tarc=pass (i=1)\r\n${text}`;
    const second = await sent(sealing, { content: inline(again) });
    const { result, instance, oldestPass } = (await arcOf(second.text)) ?? {};
    assert.deepEqual([result, instance, oldestPass], ["pass", 2, 1]);
  });

  const rest: readonly [name: string, value: string, note: string | undefined][] = [
    ["empty", "", undefined],
    ["made to fail", "${if eq{a}{b}{x}fail}", undefined],
    ["without a selector", "a.test", "ARC: bad signing-specification (selector empty) 'a.test'"],
    ["without a key", "a.test : sel", "ARC: bad signing-specification (privkey empty) 'a.test : sel'"],
    ["another identity", `z.test : sel : ${rsaKey}`, "ARC: no Authentication-Results header for signing"],
  ];
  for (const [name, value, note] of rest) {
    test(`does nothing to a message, and says so: ${name}`, async () => {
      const { text, results, notes } = await sent(`arc_sign = ${value}`, { content: inline(own) });
      assert.equal(results[0]?.outcome, "delivered");
      assert.equal(text, own);
      assert.deepEqual(notes, note === undefined ? [] : [note]);
    });
  }

  for (const option of ["arc_sign", "headers_add", "return_path"]) {
    test(`a value of ${option} that cannot be known now puts the message off, and nobody is asked`, async () => {
      const { text, results } = await sent(`${option} = \${lookup{x}lsearch{/nowhere}}`, { content: inline(own) });
      assert.deepEqual([text, results[0]?.outcome], ["", "deferred"]);
      assert.match(results[0]?.outcome === "deferred" ? results[0].text : "", /nowhere/);
    });
  }
});
