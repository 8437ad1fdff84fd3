import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eximCommand, program } from "@postbus/testkit";
import { inline } from "../smtp/rig.ts";
import { QueueDirectory, type QueueOptions } from "./queuefile-rig.ts";

const CONFIG = (directory: string) => `primary_hostname = mx.exim.test
begin routers
r:
  driver = accept
  domains = b.test
  transport = t
begin transports
t:
  driver = appendfile
  file = ${directory}/mail/\${base62:1}.\${sg{$domain_data}{\\\\W}{_}}
  batch_max = 50
  message_prefix = "From $return_path; $sender_host_address $sender_host_port; $sender_helo_name; $received_protocol; $acl_m_x; $acl_c0; $spam_score $spam_score_int $spam_bar\\n"
  envelope_to_add
  EXIM_USER
begin retry
* * F,1h,1m
`;

/** Everything that a spool file can get wrong. */
const MESSAGE: QueueOptions = {
  content: inline(
    `Received: from c.test\r\n\tby mx.a.test\r\nFrom: Ann <s@a.test>\r\nTo: r@b.test\r\nX-Long: ${"y".repeat(1200)}\r\nSubject: x\r\n\r\n.\r\nFrom here\r\n\xe9 last`,
  ),
  item: {
    returnPath: "s@a.test",
    recipients: [
      { address: "r@b.test", notification: { notify: ["FAILURE"], originalRecipient: "rfc822;r+2B@b.test" } },
      { address: "q@b.test" },
      { address: '"a b"@b.test', origin: { parents: ["list@b.test"], errorsTo: "s@a.test" } },
    ],
    notification: { ret: "FULL", envid: "e1" },
    aclVariables: { acl_m_x: { tainted: "a -b" }, acl_c0: "c" },
    bmiVerdicts: ["eyJ2IjoxfQ==", "eyJ2IjoyfQ=="],
    reception: {
      protocol: "esmtps",
      size: 100,
      clientAddress: "2001:db8::1",
      clientPort: 2525,
      helo: "c.test",
      cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
      peerName: "CN=c",
      serverName: "mx.a.test",
      spam: { score: "15.4", scoreInt: 153, bar: "+++" },
    },
  },
};

const exipick = program("exipick");

/** What the script reads of spool files by itself; `-bp` and the fields that it can be asked for. */
function readsAsWell(exipick: string, spool: string, ids: readonly string[]): void {
  const ask = (...args: string[]): string =>
    execFileSync(exipick, ["--spool", spool, ...args], { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
  const found = (...args: string[]): readonly string[] =>
    ask("-i", ...args)
      .split("\n")
      .filter((id) => id !== "");
  const listed = ask("-bp");
  assert.doesNotMatch(listed, /spool format error|\*\*\*/);
  // It does not read recipients with a blank and DSN parameters, whoever has written them.
  for (const address of ["r@b.test", "q@b.test", "other@b.test"])
    assert.match(listed, new RegExp(`^ +${address}$`, "m"));
  assert.deepEqual(found().toSorted(), ids.toSorted());
  assert.equal(found("-f", "^s@a\\.test$").length, 2);
  assert.equal(found("-r", "^other@b\\.test$").length, 1);
  const all = [
    ...["$sender_host_address eq 2001:db8::1", "$sender_host_port == 2525", "$sender_helo_name eq c.test"],
    ...["$received_protocol eq esmtps", "$tls_cipher eq TLS1.3:TLS_AES_256_GCM_SHA384:256", "$h_subject eq x"],
    ...["$acl_c0 eq c", "$acl_m_x eq a -b", "$message_body_size > 5", "$sender_address eq s@a.test"],
  ];
  assert.equal(found(...all).length, 2);
  for (const one of ["$sender_address eq other@a.test", "$message_size > 1000000", "$acl_m_x eq b"])
    assert.deepEqual(found(...all, one), [], one);
}

for (const version of ["4.96", "4.98", "4.100"]) {
  const name = `exim-${version}`;
  describe(`Exim ${version}`, { skip: program(name) === undefined ? `${name} is not on this machine` : false }, () => {
    test("lists and delivers what we put into its spool", async (t) => {
      const directory = realpathSync(mkdtempSync(join(tmpdir(), "postbus-takes-over-")));
      t.after(() => rmSync(directory, { recursive: true, force: true }));
      const [file = "", ...args] = eximCommand(name, CONFIG(directory), { port: 0, directory });
      const exim = (...more: string[]): string =>
        execFileSync(file, [...args, ...more], { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
      const input = join(directory, "spool/input");
      mkdirSync(input, { recursive: true, mode: 0o750 });
      mkdirSync(join(directory, "mail"));
      if (process.getuid?.() === 0) chownSync(join(directory, "mail"), 65_533, 65_533);
      using queue = new QueueDirectory();
      const transport = { directory: () => input, hasShortNames: version === "4.96" };
      // One of the message's recipients goes on in an item of its own.
      const [head] = await queue.put({ ...MESSAGE, transport });
      assert.deepEqual(head, { outcome: "delivered" });
      await queue.put({
        ...MESSAGE,
        item: { ...MESSAGE.item, recipients: [{ address: "other@b.test" }] },
        id: "1vMhGf-0000000012a-0Ab3_0x1_2",
        transport,
      });

      const listed = exim("-bp");
      const ids = Array.from(listed.matchAll(/ ([0-9A-Za-z]{6}-[0-9A-Za-z-]+) <s@a\.test>/g), ([, id = ""]) => id);
      assert.equal(ids.length, 2);
      for (const address of ["r@b.test", "q@b.test", '"a b"@b.test', "other@b.test"])
        assert.match(listed, new RegExp(`^ +${address}$`, "m"));
      if (exipick === undefined) t.diagnostic("no exipick on this machine: it is not asked");
      else if (version !== "4.100") readsAsWell(exipick, join(directory, "spool"), ids);
      for (const id of ids) {
        assert.match(exim("-Mvh", id), /P Received: from c\.test\n\tby mx\.a\.test\n/);
        exim("-M", id);
      }
      assert.equal(exim("-bp"), "");
      assert.deepEqual(readdirSync(input), []);
      const mail = readdirSync(join(directory, "mail"))
        .map((box) => readFileSync(join(directory, "mail", box), "latin1"))
        .join("");
      const texts = mail.split(/^(?=From s@a\.test; )/m);
      // Errors of one of them go to somebody: it has a copy of its own.
      assert.equal(texts.length, 3, mail);
      for (const text of texts) {
        assert.match(
          text,
          /^From s@a\.test; 2001:db8::1 2525; c\.test; esmtps; a -b; c; 15\.4 153 \+\+\+\nEnvelope-to: /,
        );
        assert.ok(
          text.includes(
            `\nReceived: from c.test\n\tby mx.a.test\nFrom: Ann <s@a.test>\nTo: r@b.test\nX-Long: ${"y".repeat(1200)}\nSubject: x\n\n.\n>From here\n\xe9 last`,
          ),
          text,
        );
      }
      assert.match(mail, /^Envelope-to: r@b\.test,\n q@b\.test$/m);
      assert.match(mail, /^Envelope-to: "a b"@b\.test$/m);
      assert.match(mail, /^Envelope-to: other@b\.test$/m);
    });
  });
}
