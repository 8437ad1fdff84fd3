import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Bus } from "@postbus/bus";
import {
  type DestinationsAnswer,
  DestinationsRequest,
  type DmarcChecked,
  type DmarcDetail,
  type DmarcFact,
  type MessageAnswer,
  RouteItem,
  type SpfAnswer,
  verifyDestinationsSubject,
  verifyMessageSubject,
  verifySpfSubject,
} from "@postbus/contracts";
import { KeyValueRates } from "@postbus/rates";
import { Value } from "typebox/value";
import { startTestGateway, type TestOptions } from "../start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const HEADER = "From: ann@b.example\r\nSubject: caf\xe9\r\n--x: folded\r\n\tline\r\n";
const MESSAGE = `${HEADER}\r\nbody that nobody reports\r\n.\r\n`;

const detail: DmarcDetail = {
  isSpfAligned: false,
  isDkimAligned: false,
  record: {
    domain: "b.example",
    p: "reject",
    adkim: "r",
    aspf: "s",
    percent: 100,
    rua: ["mailto:rua@b.example"],
    ruf: ["mailto:ruf@b.example", "mailto:ruf@stranger.example"],
  },
};

interface Served {
  readonly dmarc?: DmarcFact;
  readonly detail?: DmarcDetail;
}

/** A verifier that always finds the same. @returns what it is asked of destinations. */
async function serve(bus: Bus, { dmarc, detail: found = detail }: Served = {}): Promise<DestinationsRequest[]> {
  const asked: DestinationsRequest[] = [];
  await bus.serve(verifySpfSubject, { concurrency: 1 }, async () => {
    return { v: 1, spf: { result: "fail", domain: "b.example" } } satisfies SpfAnswer;
  });
  await bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => {
    const fact: DmarcFact = dmarc ?? { result: "fail", domain: "b.example", policy: "reject" };
    const dkim = [{ result: "fail" as const, domain: "b.example", selector: "s1" }];
    return { v: 1, dkim, dmarc: fact, dmarcDetail: found } satisfies MessageAnswer;
  });
  await bus.serve(verifyDestinationsSubject, { concurrency: 1 }, async ({ body }) => {
    asked.push(Value.Parse(DestinationsRequest, body));
    return { v: 1, destinations: [{ address: "ruf@b.example" }] } satisfies DestinationsAnswer;
  });
  return asked;
}

const REJECTING = "  deny dmarc_status = reject\n       message = $dmarc_status of $dmarc_used_domain\n  accept";
const FORENSIC = { rcpt: "accept control = dmarc_enable_forensic" };

const gatewayWith = (options: TestOptions & { readonly main?: string; readonly acls?: Record<string, string> }) => {
  const { main = "", acls = {}, ...rest } = options;
  return startTestGateway({
    policy: { main, acls: { data: REJECTING, ...acls } },
    rates: ratesOf(),
    ...rest,
  });
};

/** In memory. */
function ratesOf(): KeyValueRates {
  const values = new Map<string, { value: unknown; revision: number }>();
  let revision = 0;
  const put = async (key: string, value: unknown) => {
    values.set(key, { value, revision: ++revision });
    return revision;
  };
  return new KeyValueRates(
    {
      get: async (key) => {
        const found = values.get(key);
        return found && { key, ...found };
      },
      create: async (key, value) => (values.has(key) ? undefined : put(key, value)),
      update: async (key, value, at) => (values.get(key)?.revision === at ? put(key, value) : undefined),
    },
    Date.now,
  );
}

describe("DMARC in the gateway: the record of a check", () => {
  for (const [name, main, dmarc, reply, status, outcome] of [
    [
      "refused",
      "dmarc_history_file = /h",
      { result: "fail", domain: "b.example", policy: "reject" },
      550,
      "reject",
      "refused",
    ],
    [
      "taken",
      "dmarc_aggregate_sender = dmarc@mx.test",
      { result: "pass", domain: "b.example", policy: "reject" },
      250,
      "accept",
      "accepted",
    ],
    [
      "taken, though its check has come to nothing for now",
      "dmarc_aggregate_sender = dmarc@mx.test",
      { result: "temperror", domain: "b.example", policy: "reject" },
      250,
      "temperror",
      "accepted",
    ],
  ] as const) {
    test(`of a message that is ${name}`, async () => {
      await using gateway = await gatewayWith({ main });
      await serve(gateway.bus, { dmarc });
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(MESSAGE, reply);
      const event = (await gateway.event((each) => each.name === "dmarc:check")) as DmarcChecked;
      assert.partialDeepStrictEqual(event, {
        clientAddress: "127.0.0.1",
        helo: "client.example",
        returnDomain: "b.example",
        status,
        outcome,
        detail,
        facts: { spf: { result: "fail" } },
      });
      assert.equal(event.id, `${event.messageId}/dmarc`);
      // What may be another result later is reported to nobody.
      assert.equal(event.isReported, status === "accept" ? true : undefined);
    });
  }

  test("is not made without a record, without a file and reports, or if no condition asks", async () => {
    const none = {
      dmarc: { result: "none", domain: "b.example" } as const,
      detail: { isSpfAligned: false, isDkimAligned: false },
    };
    for (const [options, served] of [
      [{ main: "dmarc_history_file = /h" }, none],
      [{}, {}],
      [{ main: "dmarc_history_file = /h", acls: { data: "accept" } }, {}],
    ] as const) {
      await using gateway = await gatewayWith(options);
      await serve(gateway.bus, served);
      const names: string[] = [];
      const following = await gateway.bus.events.follow({}, async ({ events }) => {
        names.push(...events.map((event) => event.name));
      });
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(MESSAGE);
      // Refused or taken: both are told in the same way, and later than it would be.
      await gateway.event((event) => event.name === "msg:received" || event.name === "smtp:reject");
      await following.drain();
      assert.ok(!names.includes("dmarc:check"), names.join());
    }
  });
});

describe("DMARC in the gateway: failure reports", () => {
  test("go to whom the policy names and who may have them, once for a message", async () => {
    await using gateway = await gatewayWith({ acls: FORENSIC });
    const asked = await serve(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 550);
    const { header, content } = await gateway.taken();
    const item = Value.Parse(RouteItem, header);
    assert.deepEqual(
      asked.map(({ domain, uris, tag }) => ({ domain, uris, tag })),
      [{ domain: "b.example", uris: detail.record?.ruf, tag: "ruf" }],
    );
    assert.deepEqual([item.returnPath, item.recipients], ["", [{ address: "ruf@b.example" }]]);
    assert.match(item.reception.about ?? "", /^\w{6}-\w{11}-\w{4}$/);
    assert.match(content, /^From: do-not-reply@mx\.test\r\nTo: ruf@b\.example\r\n/);
    assert.match(content, /\r\nSubject: DMARC Forensic Report for b\.example from IP 127\.0\.0\.1\r\n/);
    assert.match(content, /\r\nAuto-Submitted: auto-replied\r\n/);
    const [, boundary = ""] = /boundary="([^"]+)"/.exec(content) ?? [];
    const [, text = "", report = "", copy = "", end] = content.split(`\r\n--${boundary}`);
    assert.equal(end, "--\r\n");
    assert.match(
      text,
      /A message claiming to be from you has failed the published DMARC\r\npolicy for your domain\.\r\n/,
    );
    assert.match(text, /\r\n {2}SPF Alignment: no\r\n {2}DKIM Alignment: no\r\n {2}DMARC Results: Reject\r\n/);
    assert.match(text, /\r\nSubject: caf\?\r\n/);
    assert.match(report, /\r\nFeedback-Type: auth-failure\r\nVersion: 1\r\n/);
    assert.match(report, /\r\nAuth-Failure: dmarc\r\nAuthentication-Results: mx\.test;\r\n\t/);
    assert.match(report, /\r\nOriginal-Mail-From: <ann@b\.example>\r\n/);
    assert.match(
      report,
      /\r\nSource-IP: 127\.0\.0\.1\r\nReported-Domain: b\.example\r\nIdentity-Alignment: none\r\nDelivery-Result: reject\r\n/,
    );
    assert.ok(copy.includes("From: ann@b.example\r\nSubject: caf\xe9\r\n--x: folded\r\n\tline\r\n"), copy);
    assert.doesNotMatch(content, /body that nobody reports/);
  });

  test("come from dmarc_forensic_sender, and go back there", async () => {
    const main = 'dmarc_forensic_sender = "DMARC of ${primary_hostname} <dmarc@mx.test>"';
    await using gateway = await gatewayWith({ main, acls: FORENSIC });
    await serve(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 550);
    const { header, content } = await gateway.taken();
    assert.equal(Value.Parse(RouteItem, header).returnPath, "dmarc@mx.test");
    assert.match(content, /^From: DMARC of mx\.test <dmarc@mx\.test>\r\n/);
  });

  test("name whom the file names for them where we authenticate, or nobody", async () => {
    for (const name of [undefined, "reports@mx.test"]) {
      const main = name === undefined ? "" : `bounce_sender_authentication = ${name}`;
      await using gateway = await gatewayWith({ main, acls: FORENSIC });
      await serve(gateway.bus);
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(MESSAGE, 550);
      const { header } = await gateway.taken();
      assert.equal(Value.Parse(RouteItem, header).reception.authenticatedSender, name);
    }
  });

  const withRecord = (change: Partial<NonNullable<DmarcDetail["record"]>>): Served => ({
    detail: { ...detail, record: { ...(detail.record ?? assert.fail()), ...change } },
  });
  const PASS: Served = { dmarc: { result: "pass", domain: "b.example", policy: "reject" } };
  /** Whether there is a report. */
  const cases: readonly (readonly [string, boolean, Served?, string?, Record<string, string>?])[] = [
    ["without the control", false, {}, MESSAGE, {}],
    ["of a message that passes", false, PASS],
    ["of a policy that only watches", false, { dmarc: { result: "fail", domain: "b.example", policy: "none" } }],
    ["of a quarantine", true, { dmarc: { result: "fail", domain: "b.example", policy: "quarantine" } }],
    ["to nobody", false, withRecord({ ruf: [] })],
    ["of any failure (fo=1)", true, withRecord({ fo: "1" })],
    ["of broken signatures (fo=d)", true, withRecord({ fo: "d" })],
    ["of SPF (fo=s)", true, withRecord({ fo: "s" })],
    ["of nothing that is known (fo=x)", false, withRecord({ fo: "x" })],
    ["about a report", false, {}, `Content-Type: multipart/report; x=y\r\n${MESSAGE}`],
    ["about what a program has sent", false, {}, `Auto-Submitted: auto-generated\r\n${MESSAGE}`],
    ["about what says that a person has sent it", true, {}, `Auto-Submitted: no\r\n${MESSAGE}`],
  ];
  for (const [name, isSent, served = {}, message = MESSAGE, acls = FORENSIC] of cases) {
    test(`${name}: ${isSent ? "one" : "none"}`, async () => {
      const published: string[] = [];
      await using gateway = await gatewayWith({
        acls,
        bus: () => ({
          async publish({ messageId, content }, events) {
            if (content.kind === "inline") published.push(content.octets.toString("latin1"));
            assert.ok(messageId !== "" && events !== undefined);
          },
        }),
      });
      await serve(gateway.bus, served);
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`${message}QUIT\r\n`);
      await client.ended();
      // What has begun comes to its end.
      await gateway.part.stop();
      const reports = published.filter((each) => /\nSubject: DMARC Forensic Report/.test(each));
      assert.equal(reports.length, isSent ? 1 : 0);
    });
  }

  test("a flood of forged mail is no flood of reports", async () => {
    let reports = 0;
    await using gateway = await gatewayWith({
      acls: FORENSIC,
      bus: () => ({
        async publish() {
          reports += 1;
        },
      }),
    });
    await serve(gateway.bus);
    await using client = await gateway.session();
    for (let n = 0; n < 40; n++) {
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(MESSAGE, 550);
    }
    await client.say("QUIT\r\n", 221);
    await gateway.part.stop();
    assert.ok(reports > 5 && reports <= 21, `${reports} reports of 40 messages`);
  });
});
