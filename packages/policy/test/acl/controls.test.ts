import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askRcpt, contentOf, policySession, shown } from "./policy-session.ts";

describe("control", () => {
  const ofMessage: readonly [control: string, wanted: object][] = [
    ["freeze", { freeze: { tells: true } }],
    ["freeze/no_tell", { freeze: { tells: false } }],
    ["queue", { queue: { routes: false } }],
    ["queue/first_pass_route", { queue: { routes: true } }],
    ["queue_only", { queue: { routes: false } }],
    ["submission", { submission: { keepsSender: false } }],
    [
      "submission/sender_retain/domain=x.example/name=A / B",
      { submission: { keepsSender: true, domain: "x.example", name: "A / B" } },
    ],
    ["submission/domain=", { submission: { keepsSender: false, domain: "" } }],
    ["submission/domain=a/domain=b/name=", { submission: { keepsSender: false, domain: "b", name: "" } }],
    ["submission/name=A/sender_retain", { submission: { keepsSender: false, name: "A/sender_retain" } }],
    // What was said before stays where it is not said anew.
    [
      "submission/sender_retain/domain=a\n    control = submission/name=N",
      { submission: { keepsSender: true, domain: "a", name: "N" } },
    ],
    [
      "fakereject",
      {
        fake: {
          code: 550,
          text: "Your message has been rejected but is being kept for evaluation.\nIf it was a legitimate message, it may still be delivered to the target recipient(s).",
        },
      },
    ],
    ["fakedefer/not now", { fake: { code: 450, text: "not now" } }],
    ["cutthrough_delivery", { cutthrough: { onDefer: "spool" } }],
    ["cutthrough_delivery/defer=pass", { cutthrough: { onDefer: "pass" } }],
    ["dkim_disable_verify", { isDkimOff: true }],
    ["dmarc_disable_verify", { isDmarcOff: true }],
    ["dmarc_verify_disable", { isDmarcOff: true }],
    ["dmarc_enable_forensic", { sendsDmarcReports: true }],
    ["dmarc_forensic_enable", { sendsDmarcReports: true }],
    ["no_mbox_unspool", { keepsMbox: true }],
    ["requiretls", { requiresTls: true }],
    ["bmi_run", { runsBmi: true }],
    ["suppress_local_fixups", { suppressesFixups: true }],
    ["utf8_downconvert", { utf8Downconvert: 1 }],
    ["utf8_downconvert/-1", { utf8Downconvert: -1 }],
  ];
  for (const [control, wanted] of ofMessage) {
    test(control, async () => {
      const { said, session } = await askRcpt(`  accept control = ${control}`);
      assert.equal(said, "accept");
      assert.deepEqual(session.message.controls, wanted);
    });
  }

  const ofConnection: readonly [control: string, wanted: object][] = [
    ["no_pipelining", { isPipeliningOff: true }],
    ["no_enforce_sync", { enforcesSync: false }],
    ["enforce_sync", { enforcesSync: true }],
    ["no_multiline_responses", { isMultilineOff: true }],
    ["no_delay_flush", { isDelayFlushOff: true }],
    ["no_callout_flush", { isCalloutFlushOff: true }],
    ["debug/tag=x", { isTraced: true }],
    ["debug/opts=+all/kill", { isTraced: false }],
  ];
  for (const [control, wanted] of ofConnection) {
    test(control, async () => {
      const { said, session } = await askRcpt(`  accept control = ${control}`);
      assert.equal(said, "accept");
      assert.deepEqual(session.connection.controls, wanted);
    });
  }

  for (const control of [
    "freeze/x",
    "queue/x",
    "submission/x",
    "submission/",
    "submission/sender_retainx",
    "submission/sender_retain=x/domain=y",
    "cutthrough_delivery/x",
    "utf8_downconvert/2",
    "requiretls/x",
    "${if eq{1}{1}{nosuch}}",
  ]) {
    test(`${control} is an error`, async () =>
      assert.match((await askRcpt(`  accept control = ${control}`)).said, /^451/));
  }

  test("a faked refusal is told when the message is taken", async () => {
    const { acls } = policySession("acl_smtp_rcpt = accept control = fakereject/look later\nacl_smtp_data = accept\n");
    await acls.mail({ returnPath: "" });
    await acls.recipient("a@b");
    acls.content(contentOf("A: b\n"));
    assert.equal(shown(await acls.data()), "accept 550 look later");
  });
});

describe("delay", () => {
  const rows: readonly [time: string, wanted: readonly [number, boolean][], said: RegExp][] = [
    ["5s", [[5, true]], /^accept/],
    ["1m30s", [[90, true]], /^accept/],
    ["0s", [], /^accept/],
    ["5", [], /^451/],
    ["soon", [], /^451/],
  ];
  for (const [time, wanted, said] of rows) {
    test(time, async () => {
      const waited: [number, boolean][] = [];
      const hooks = { delay: (seconds: number, isFlushed: boolean) => void waited.push([seconds, isFlushed]) };
      const asked = await askRcpt(`  accept delay = ${time}`, { hooks });
      assert.match(asked.said, said);
      assert.deepEqual(waited, wanted);
    });
  }

  test("does not flush if it is told not to", async () => {
    const waited: boolean[] = [];
    const hooks = { delay: async (_: number, isFlushed: boolean) => void waited.push(isFlushed) };
    await askRcpt("  accept control = no_delay_flush\n    delay = 1s", { hooks });
    assert.deepEqual(waited, [false]);
  });
});

describe("udpsend", () => {
  test("sends one datagram", async () => {
    const sent: unknown[] = [];
    const hooks = { sendDatagram: async (...what: unknown[]) => void sent.push(what) };
    assert.equal((await askRcpt("  accept udpsend = <; 192.0.2.9 ; 514 ; a: $domain", { hooks })).said, "accept");
    assert.deepEqual(sent, [["192.0.2.9", 514, "a: test.example"]]);
  });
  for (const value of ["h", "h : x : y", "h : 99999 : y", ": 1 : y"]) {
    test(`${value} is an error`, async () => assert.match((await askRcpt(`  accept udpsend = ${value}`)).said, /^451/));
  }
});

test("queue names one, without slashes", async () => {
  assert.equal((await askRcpt("  accept queue = slow")).session.message.queueName, "slow");
  assert.match((await askRcpt("  accept queue = a/b")).said, /^451/);
});

describe("bmi_optin", () => {
  for (const [list, strings] of [
    ["one : two", ["one", "two"]],
    ["<OPTIN 1>:<OPTIN 2>", ["<OPTIN 1>", "<OPTIN 2>"]],
    ["one, two:, three", ["one", "two", "three"]],
    ["x", undefined],
    ["", undefined],
    [":,", undefined],
    [`a:${"x".repeat(257)}:b`, ["a", "b"]],
  ] as const) {
    test(`"${list.slice(0, 30)}" is kept for the recipient`, async () => {
      const { session } = await askRcpt(`  accept bmi_optin = ${list}`);
      assert.deepEqual(session.message.controls.bmiOptin?.get("Bob@Test.example"), strings);
    });
  }

  test("of a recipient that is not accepted is forgotten", async () => {
    const { session } = await askRcpt("  warn bmi_optin = one\n  deny");
    assert.equal(session.message.controls.bmiOptin?.size, 0);
  });
});
