import assert from "node:assert/strict";
import { mkdirSync, statSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Tainted } from "@postbus/policy";
import { SpoolError } from "@postbus/spool";
import { inline } from "../smtp/rig.ts";
import { QueueDirectory } from "./queuefile-rig.ts";

const ID = "1vMhGf-0000000012a-0Ab3";
const SPOOLED = { kind: "spooled", id: "x", size: 30, sha256: "0".repeat(64) } as const;

test("a message becomes a pair of files that have its id", async () => {
  using queue = new QueueDirectory();
  assert.deepEqual(await queue.put({ recipients: ["r@b.test", "q@c.test"] }), Array(2).fill({ outcome: "delivered" }));
  assert.deepEqual(queue.files, [`${ID}-D`, `${ID}-H`]);
  assert.equal(queue.read(`${ID}-D`), `${ID}-D\nbody\n`);
  const lines = queue.read(`${ID}-H`).split("\n");
  assert.equal(lines[0], `${ID}-H`);
  assert.match(lines[1] ?? "", /^\S+ \d+ \d+$/);
  assert.deepEqual(lines.slice(2), [
    "<s@a.test>",
    "1795224996 0",
    "-received_time_usec .000000",
    "-received_time_complete 1795224996.000000",
    "-received_protocol esmtp",
    "-body_linecount 1",
    "-max_received_linelength 15",
    "-deliver_firsttime",
    "XX",
    "2",
    "r@b.test",
    "q@c.test",
    "",
    "022P Received: by mx",
    "\tid 1",
    "015F From: s@a.test",
    "011  Subject: x",
    "",
  ]);
  assert.equal(statSync(join(queue.root, `${ID}-H`)).mode & 0o777, 0o640);
});

test("what is known of the message is in the envelope", async () => {
  using queue = new QueueDirectory();
  await queue.put({
    recipients: ["r@b.test"],
    item: {
      returnPath: "",
      smtpUtf8: true,
      notification: { ret: "HDRS", envid: "e+2B1" },
      recipients: [
        {
          address: "r@b.test",
          notification: { notify: ["SUCCESS", "DELAY"], originalRecipient: "rfc822;r+2B@b.test" },
        },
        { address: '"a b"@b.test', notification: { notify: ["NEVER"] } },
        { address: "c@b.test", origin: { parents: ["list@b.test"], errorsTo: "owner@b.test" } },
      ],
      aclVariables: { acl_m_x: { tainted: "a\n-b\n" }, acl_c1: "", acl_c0: "\xe9" },
      bmiVerdicts: ["eyJ2IjoxfQ==", "eyJ2IjoyfQ=="],
      reception: {
        protocol: "esmtpsa",
        size: 10,
        about: "1vMhGf-0000000012a-0Ab2",
        clientAddress: "2001:db8::1",
        clientPort: 2525,
        helo: "c.test\nX",
        authenticator: "plain",
        authenticatedId: "ann",
        cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
        certificateVerified: true,
        peerName: "CN=c",
        serverName: "mx.test",
      },
    },
  });
  const text = queue.read(`${ID}-H`);
  for (const line of [
    "<>",
    "--helo_name c.test X",
    "--host_address [2001:db8::1]:2525",
    "-host_auth plain",
    "-received_protocol esmtpsa",
    "-aclc 0 1\n\xe9\n-aclc 1 0\n",
    "--aclm _x 5\na\n-b\n",
    "--auth_id ann",
    "-localerror",
    "-bmi_verdicts eyJ2IjoxfQ==:eyJ2IjoyfQ==",
    "-tls_certificate_verified",
    "-tls_cipher TLS1.3:TLS_AES_256_GCM_SHA384:256",
    "--tls_peerdn CN=c",
    "--tls_sni mx.test",
    "-tls_ver TLS1.3",
    "-smtputf8",
    "--dsn_envid e+2B1",
    "-dsn_ret 2",
    "XX\n3\nr@b.test rfc822;r+2B@b.test 18,20  0,-1#3",
    '"a b"@b.test  0,2  0,-1#3',
    "c@b.test  0,0 owner@b.test 12,-1#3\n",
  ]) {
    assert.ok(text.includes(`\n${line}\n`), `${line} in ${text}`);
  }
});

describe("header lines", () => {
  const rows = [
    {
      name: "each kind has its letter",
      header: ["From: a", "To: b", "Cc: c", "Bcc: d", "Sender: e", "Reply-To: f", "Message-ID: g", "Date: h"],
      letters: "FTCBSRI ",
    },
    {
      name: "of a message that was sent again, the new ones are in force",
      header: ["From: a", "Resent-From: b", "Resent-Date: c", "Resent-To: d"],
      letters: " F T",
    },
  ];
  for (const { name, header, letters } of rows) {
    test(name, async () => {
      using queue = new QueueDirectory();
      await queue.put({ content: inline(`${header.join("\r\n")}\r\n\r\n`) });
      const [, section = ""] = queue.read(`${ID}-H`).split("\n\n");
      assert.equal(Array.from(section.matchAll(/^\d{3}(.) /gm), ([, letter]) => letter).join(""), letters);
    });
  }

  test("long ones have a length of four digits, and a NUL becomes a blank", async () => {
    using queue = new QueueDirectory();
    await queue.put({ content: inline(`X: ${"y".repeat(1200)}\0\r\n\r\n`) });
    assert.ok(queue.read(`${ID}-H`).endsWith(`\n1205  X: ${"y".repeat(1200)} \n`));
  });
});

test("the body is written as it is, with line ends of one octet, and counted", async () => {
  using queue = new QueueDirectory();
  await queue.put({ content: inline("Subject: x\r\n\r\na\r\n\r\nb\0\rc\r\nlast") });
  assert.equal(queue.read(`${ID}-D`), `${ID}-D\na\n\nb\0\rc\nlast`);
  assert.match(queue.read(`${ID}-H`), /\n-body_linecount 3\n-max_received_linelength 10\n-body_zerocount 1\n/);
});

test("content from the spool is taken apart wherever it is cut", async () => {
  const whole = "Subject: x\r\nX: y\r\n\r\nbody\r\n";
  for (let cut = 1; cut < whole.length; cut++) {
    using queue = new QueueDirectory();
    await queue.put({
      content: SPOOLED,
      spool: {
        async *read() {
          yield Buffer.from(whole.slice(0, cut));
          yield Buffer.from(whole.slice(cut));
        },
      },
    });
    assert.equal(queue.read(`${ID}-D`), `${ID}-D\nbody\n`);
    assert.ok(queue.read(`${ID}-H`).endsWith("\n\n011  Subject: x\n005  X: y\n"));
  }
});

describe("names", () => {
  test("of several items of one message are different, and the same each time", async () => {
    using queue = new QueueDirectory();
    for (const id of [`${ID}_0x0_1`, `${ID}_0x1_1`, `${ID}_0x0_3`]) await queue.put({ id });
    assert.equal(queue.files.length, 4);
    assert.ok(
      queue.files.every((name) => /^1xUa1s-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}-[DH]$/.test(name)),
      queue.files.join(),
    );
  });

  test("are short for Exim up to 4.96", async () => {
    using queue = new QueueDirectory();
    await queue.put({ transport: { hasShortNames: true } });
    const [name = ""] = queue.files;
    assert.match(name, /^1vMhGf-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}-D$/);
    assert.equal(queue.read(name), `${name}\nbody\n`);
  });
});

describe("a second run", () => {
  test("leaves what is there", async () => {
    using queue = new QueueDirectory();
    await queue.put();
    const before = statSync(join(queue.root, `${ID}-H`)).ino;
    await queue.put();
    assert.equal(statSync(join(queue.root, `${ID}-H`)).ino, before);
  });

  test("finishes what is half done", async () => {
    using queue = new QueueDirectory();
    await queue.put();
    unlinkSync(join(queue.root, `${ID}-H`));
    await queue.put();
    assert.deepEqual(queue.files, [`${ID}-D`, `${ID}-H`]);
  });
});

test("an item that is not held any more, or whose content is damaged, leaves nothing", async () => {
  using queue = new QueueDirectory();
  await assert.rejects(queue.put({ isHeld: false }), { name: "LeaseLostError" });
  const spool = {
    async *read() {
      yield Buffer.from("Subject: x\r\n\r\nbody\r\n");
      throw new SpoolError("digest differs");
    },
  };
  await assert.rejects(queue.put({ content: SPOOLED, spool }), { name: "SpoolError" });
  assert.deepEqual(queue.files, []);
});

describe("what cannot be used is a deferral in Exim's words", () => {
  const rows = [
    {
      name: "nothing there",
      directory: (root: string) => join(root, "x"),
      text: "scan transport accessing directory: ROOT/x failed with error: No such file or directory",
      errno: 2,
    },
    {
      name: "a relative name",
      directory: () => "input",
      text: "scan transport directory: input is not absolute",
      errno: -1,
    },
    {
      name: "a peer's word",
      directory: () => new Tainted("/x"),
      text: "Tainted '/x' (directory for scan transport) not permitted",
      errno: -1,
    },
  ];
  for (const { name, directory, text, errno } of rows) {
    test(name, async () => {
      using queue = new QueueDirectory();
      const [result] = await queue.put({ transport: { directory: () => directory(queue.root) } });
      assert.deepEqual(result, { outcome: "deferred", errno, text: text.replace("ROOT", queue.root) });
    });
  }

  test("a link", async () => {
    using queue = new QueueDirectory();
    mkdirSync(join(queue.root, "real"));
    symlinkSync(join(queue.root, "real"), join(queue.root, "link"));
    const [result] = await queue.put({ transport: { directory: () => join(queue.root, "link") } });
    assert.partialDeepStrictEqual(result, { outcome: "deferred", errno: 20 });
  });
});
