import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { program } from "@postbus/testkit";
import { receivedContent } from "../src/acl/smtp/received-content.ts";
import { MessageVariables } from "../src/carried/message-variables.ts";
import { textOf } from "../src/expansion/value.ts";
import { defaultPolicyFile, loadPolicy } from "../src/load-policy.ts";
import type { Policy, Transport } from "../src/policy.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };

async function resolved(policy: Policy, name: string): Promise<Transport> {
  const own = (address: string) => new MessageVariables(message, address);
  return policy.transport(name).at(own, "x@c.test");
}

const SITE = "LOCAL_DOMAINS=a.test : @ : *.b.test\nRELAY_HOSTS=127.0.0.1 ; 192.0.2.0/24\nSMARTHOST=out.test::2526\n";
const stranger = "198.51.100.1";
const trusted = "192.0.2.7";

/** What the example says to recipients, one after the other; and whether it then wants to see the message. */
async function session(macros: string, client: string, ...recipients: string[]) {
  const policy = await loadPolicy({ macros: `${SITE}${macros}` });
  const acls = policy.startSession({ address: client, port: 4000 }, {});
  await acls.mail({ returnPath: "s@x.test" });
  const words: string[] = [];
  for (const recipient of recipients) {
    const { verdict, reply, log } = await acls.recipient(recipient.replace("@@", `@${policy.primaryHostname}`));
    words.push(verdict === "accept" ? verdict : `${reply?.code} ${reply?.status} ${log}`);
  }
  return { words, isVerified: policy.looksAtContent(acls) };
}

describe("the ACL of the example", () => {
  const restricted = "550 5.1.3 restricted characters in address";
  const relay = "550 5.7.1 relay not permitted";
  const cases = [
    { who: stranger, address: "ann@a.test", want: "accept" },
    { who: stranger, address: "ann@A.TEST", want: "accept" },
    { who: stranger, address: "ann@@", want: "accept" },
    { who: stranger, address: "ann@x.b.test", want: "accept" },
    { who: stranger, address: "ann@b.test", want: relay },
    { who: stranger, address: "ann@c.test", want: relay },
    { who: stranger, address: "ann%c.test@a.test", want: "accept" },
    { who: stranger, address: "a/../b@a.test", want: restricted },
    { who: stranger, address: "..@a.test", want: restricted },
    { who: stranger, address: `${"x".repeat(65)}@a.test`, want: restricted },
    { who: stranger, address: "a\n/@a.test", want: restricted },
    { who: trusted, address: "ann@c.test", want: "accept" },
    { who: trusted, address: "a/b@c.test", want: "accept" },
  ];
  for (const { who, address, want } of cases) {
    test(`${JSON.stringify(address)} from ${who}: ${want}`, async () => {
      assert.deepEqual((await session("", who, address)).words, [want]);
    });
  }

  test("without a smart host a trusted client hears at once that there is no route", async () => {
    const macros = "SMARTHOST=\n";
    assert.deepEqual((await session(macros, trusted, "ann@c.test")).words, ["550 5.1.2 no route to this domain"]);
    assert.deepEqual((await session(macros, stranger, "ann@c.test")).words, [relay]);
  });

  const verified = [
    { verify: "inbound", who: stranger, to: ["x@a.test"], want: true },
    { verify: "inbound", who: trusted, to: ["x@c.test"], want: false },
    { verify: "inbound", who: trusted, to: ["x@c.test", "y@a.test", "z@c.test"], want: true },
    { verify: "all", who: trusted, to: ["x@c.test"], want: true },
    { verify: "none", who: stranger, to: ["x@a.test"], want: false },
  ];
  for (const { verify, who, to, want } of verified) {
    test(`VERIFY=${verify}, ${who} to ${to}: ${want ? "verified" : "not verified"}`, async () => {
      assert.equal((await session(`VERIFY=${verify}\n`, who, ...to)).isVerified, want);
    });
  }

  test("what is verified has the results on top", async () => {
    const policy = await loadPolicy({ macros: SITE });
    const acls = policy.startSession(
      { address: stranger, port: 4000 },
      {
        facts: {
          spf: () => ({ result: "pass", variables: {}, spf: { domain: "c.test" } }),
          dmarc: () => ({ result: "accept", variables: {}, authenticationResult: "dmarc=pass header.from=b" }),
        },
      },
    );
    await acls.mail({ returnPath: "" });
    await acls.recipient("x@a.test");
    acls.content(
      receivedContent(["From: a@b\n"], {
        size: 0,
        lines: 0,
        longestLine: 0,
        zeros: 0,
        start: "",
        end: "",
        read: () => [],
      }),
    );
    assert.equal((await acls.data()).verdict, "accept");
    const text = `Authentication-Results: ${policy.primaryHostname};\n\tspf=pass smtp.mailfrom=<>;\n\tdmarc=pass header.from=b\n`;
    assert.deepEqual(
      acls.session.message.addedHeaders.map((header) => ({ ...header, text: textOf(header.text) })),
      [{ position: "at_start", text }],
    );
  });
});

test("the file that comes with the program is sound, and listens on this machine only", async () => {
  const policy = await loadPolicy({ macros: "SMTP_PORT=0\n", data: "/data" });
  assert.deepEqual(policy.smtp.ports, [0]);
  assert.deepEqual(policy.smtp.interfaces, ["127.0.0.1", "::1"]);
  assert.partialDeepStrictEqual(await resolved(policy, "smarthost_smtp"), { hosts: ["127.0.0.1::2526"], port: 25 });
  const maildir = await resolved(policy, "maildir");
  const directory = maildir.driver === "appendfile" && (await maildir.expand("directory", "A@localhost"));
  assert.equal(directory, "/data/mail/localhost/a");
  assert.deepEqual(
    policy.notices.filter((notice) => !notice.includes("primary_hostname")),
    [],
  );
});

for (const version of ["4.96", "4.98", "4.100"]) {
  const exim = await program(`exim-${version}`);
  const skip = exim === undefined ? { skip: `exim-${version} is not here: not tried with it` } : {};
  test(`Exim ${version} reads the file as we do`, skip, () => {
    assert.ok(exim !== undefined);
    const args = ["-C", defaultPolicyFile, "-bP", "local_interfaces", "daemon_smtp_ports", "recipients_max"];
    const printed = execFileSync(exim, args, { encoding: "utf8" });
    assert.equal(printed, "local_interfaces = <; 127.0.0.1 ; ::1\ndaemon_smtp_ports = 2525\nrecipients_max = 5000\n");
  });
}

test("a file that is not there is an error of the configuration", async () => {
  await assert.rejects(
    loadPolicy({ file: "/nowhere/x.conf" }),
    (err) => err instanceof ConfigError && /^\/nowhere\/x\.conf: /.test(err.message),
  );
});
