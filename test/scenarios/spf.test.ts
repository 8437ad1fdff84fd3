import assert from "node:assert/strict";
import { test } from "node:test";
import { startDnsServer } from "@postbus/testkit";
import { around } from "../examples/around.ts";
import { runningProgram, speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { messagesIn } from "../support/mailbox.ts";

/** Everything that an ACL can say of SPF, on top of the message. */
const DATA = `  warn spf_guess = *
       add_header = :at_start:X-SPF: $spf_result $spf_result_guessed $spf_used_domain <$spf_smtp_comment>
       add_header = :at_start:$spf_received
  warn add_header = :at_start:\${authresults {mx.test.example}}`;

const ZONE = {
  "pass.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "softfail.example": { TXT: ["v=spf1 ~all"] },
  "guess.example": { A: ["127.0.0.9"] },
  "helo.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
};

interface Row {
  readonly sender: string;
  /** Result with words, and identity. */
  readonly result: string;
  readonly received: string;
  readonly variables: string;
}

/** In the words of Exim 4.98, recorded with the same records. */
const rows: readonly Row[] = [
  {
    sender: "a@pass.example",
    result: "spf=pass smtp.mailfrom=pass.example",
    received:
      "pass (mx.test.example: domain of pass.example designates 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=a@pass.example; helo=helo.example;",
    variables: "pass no pass.example <>",
  },
  {
    sender: "a@softfail.example",
    result: "spf=softfail smtp.mailfrom=softfail.example",
    received:
      "softfail (mx.test.example: transitioning domain of softfail.example does not designate 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=a@softfail.example; helo=helo.example;",
    variables: "softfail no softfail.example <Please see http://www.open-spf.org/Why : Reason: mechanism>",
  },
  {
    sender: "a@guess.example",
    result: "spf=pass (best guess record for domain) smtp.mailfrom=guess.example",
    received:
      "pass (mx.test.example: domain of guess.example designates 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=a@guess.example; helo=helo.example;",
    variables: "pass yes guess.example <>",
  },
  {
    sender: "",
    result: "spf=pass smtp.helo=helo.example",
    received:
      "pass (mx.test.example: domain of helo.example designates 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=postmaster@helo.example; helo=helo.example;",
    variables: "pass no helo.example <>",
  },
];

test("what SPF says of a sender stands in the message, and what a stranger has written under our name does not", async (t) => {
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  const { port, maildir } = await runningProgram(t, around({ data: DATA }), { POSTBUS_DNS_SERVERS: dns.address });
  const forged = "Authentication-Results: mx.test.example; spf=pass smtp.mailfrom=bank.example";
  for (const [i, { sender, result, received, variables }] of rows.entries()) {
    const said = await speak(port, [
      ...["EHLO helo.example", `MAIL FROM:<${sender}>`, "RCPT TO:<u@test.example>", "DATA"],
      `${forged}\r\nSubject: ${i}\r\n\r\nx\r\n.`,
    ]);
    assert.match(said.at(-1) ?? "", /^250 /);
    const delivered = await eventually(async () =>
      (await messagesIn(maildir)).find((text) => text.includes(`\nSubject: ${i}\n`)),
    );
    const top = delivered.slice(0, delivered.indexOf("\nReceived:")).split("\n");
    assert.deepEqual(top.toSorted(), [
      ...[
        `\t${result}`,
        "Authentication-Results: mx.test.example;",
        `Received-SPF: ${received}`,
        `X-SPF: ${variables}`,
      ],
    ]);
    assert.equal(delivered.includes("bank.example"), false);
  }
});
