import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "@postbus/bus";
import { type DeliveryItem, type Recipient, RouteItem } from "@postbus/contracts";
import { Value } from "typebox/value";
import type { AttemptResult } from "../src/attempt-result.ts";
import type { Attempted, ConcludeContext } from "../src/attempted.ts";
import { conclude } from "../src/conclude.ts";
import { defaultReports, type ReportPolicy, type ReportTerms } from "../src/report-policy.ts";

const HOUR = 3_600_000;
const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";
const octets = Buffer.from("Subject: hello\r\n\r\nhi\r\n");
const work = { id: `${MESSAGE}_0_1`, content: { kind: "inline", octets }, handedOut: 1 } as const;

const delivered: AttemptResult = { outcome: "delivered", host: "mx.b.test", confirmation: "250 2.0.0 taken" };
const atHome: AttemptResult = { outcome: "delivered" };
const refused: AttemptResult = { outcome: "failed", host: "mx.b.test", text: "error after RCPT: 550 5.1.1 unknown" };
const later: AttemptResult = { outcome: "deferred", host: "mx.b.test", errno: -44, text: "450 4.2.0 later" };

type Notify = NonNullable<NonNullable<Recipient["notification"]>["notify"]>;
type Given = readonly [recipient: Partial<Recipient>, result: AttemptResult, attempted?: Partial<Attempted>];

const asking = (...notify: Notify): Partial<Recipient> => ({ notification: { notify } });
const withErrorsTo = (errorsTo: string, address = "x@b.test"): Partial<Recipient> => ({
  address,
  origin: { parents: ["list@a.test"], errorsTo },
});

function reportsWith(changes: Partial<ReportPolicy>, terms: Partial<ReportTerms> = {}): ReportPolicy {
  const own = defaultReports("mx.test");
  return { ...own, terms: async (request) => ({ ...(await own.terms(request)), ...terms }), ...changes };
}

async function outcomeOf(
  given: readonly Given[],
  changes: Partial<DeliveryItem> = {},
  others: Partial<ConcludeContext> = {},
): Promise<Outcome> {
  const item: DeliveryItem = {
    v: 1,
    messageId: MESSAGE,
    returnPath: "ann@a.test",
    recipients: given.map(([recipient], i) => ({ address: `r${i}@b.test`, ...recipient })),
    receivedAtMs: NOW - 60_000,
    queuedAtMs: NOW - 1_000,
    attempt: 1,
    reception: { protocol: "esmtp", size: octets.length },
    router: "r",
    transport: "t",
    domain: "b.test",
    ...changes,
  };
  const attempted = given.map(([, result, more], i): Attempted => {
    const recipient = item.recipients[i];
    assert.ok(recipient);
    return { recipient, result, ...more };
  });
  return conclude(work, item, attempted, {
    service: "delivery",
    nowMs: NOW,
    random: () => 0,
    primaryHostname: "mx.test",
    retryRule: () => [{ kind: "F", cutoffMs: 96 * HOUR, intervalMs: HOUR }],
    ...others,
  });
}

interface Told {
  readonly to: readonly string[];
  readonly subject: string;
  readonly groups: readonly string[];
  readonly text: string;
}

/** The reports of an outcome, as a reader sees them: for each recipient, `action address`. */
function told({ publish = [] }: Outcome): Told[] {
  return publish
    .filter(({ messageId }) => messageId !== MESSAGE)
    .map(({ header, content }) => {
      const text = content.kind === "inline" ? content.octets.toString("latin1") : "";
      const found = text.matchAll(/^Action: (\S+)\r\nFinal-Recipient: rfc822;(\S+)\r$/gm);
      return {
        to: Value.Parse(RouteItem, header).recipients.map(({ address }) => address),
        subject: /^Subject: (.*)\r$/m.exec(text)?.[1] ?? "",
        groups: Array.from(found, ([, action, address]) => `${action} ${address}`),
        text,
      };
    });
}

const carriedOn = ({ publish = [] }: Outcome): Recipient[] =>
  publish
    .filter(({ messageId }) => messageId === MESSAGE)
    .flatMap(({ header }) => Value.Parse(RouteItem, header).recipients);

const notes = ({ events = [] }: Outcome) => events.flatMap((event) => (event.name === "msg:note" ? [event.text] : []));

describe("a failure", () => {
  test("is told to the errors address of the recipient, each of them once", async () => {
    const outcome = await outcomeOf([
      [{}, refused],
      [withErrorsTo("boss@a.test", "c1@b.test"), refused],
      [{}, refused],
      [withErrorsTo("boss@a.test", "c2@b.test"), refused],
    ]);
    assert.deepEqual(
      told(outcome).map(({ to, subject, groups }) => [to.join(), subject, groups]),
      [
        ["ann@a.test", "Mail delivery failed: returning message to sender", ["failed r0@b.test", "failed r2@b.test"]],
        ["boss@a.test", "Mail delivery failed", ["failed list@a.test", "failed list@a.test"]],
      ],
    );
    const received = outcome.events?.filter(({ name }) => name === "msg:received");
    assert.equal(received?.length, 2);
  });

  const places: readonly [name: string, given: Given, changes: Partial<DeliveryItem>][] = [
    ["the item", [{}, refused], { errorsTo: "boss@a.test" }],
    ["the recipient", [withErrorsTo("boss@a.test"), refused], {}],
    ["routing", [{}, refused, { errorsTo: "boss@a.test" }], {}],
    ["the item, which is the last to know", [withErrorsTo("old@a.test"), refused], { errorsTo: "boss@a.test" }],
  ];
  for (const [name, given, changes] of places) {
    test(`is told to errors_to where ${name} has it, of a report, too`, async () => {
      for (const returnPath of ["ann@a.test", ""]) {
        const outcome = await outcomeOf([given], { ...changes, returnPath });
        assert.deepEqual(
          told(outcome).map(({ to }) => to),
          [["boss@a.test"]],
        );
        assert.deepEqual(carriedOn(outcome), []);
      }
    });
  }

  test("is told to nobody where errors_to is empty, and nothing is frozen", async () => {
    for (const returnPath of ["ann@a.test", ""]) {
      const outcome = await outcomeOf([[withErrorsTo(""), refused]], { returnPath });
      assert.deepEqual(outcome.publish, []);
      assert.deepEqual(notes(outcome), ["x@b.test <list@a.test>: error ignored"]);
    }
  });

  test("has the words for the sender, or none", async () => {
    const local: AttemptResult = { outcome: "failed", text: "cannot write /var/mail/x" };
    const cases: readonly [result: AttemptResult, words: RegExp][] = [
      [local, /x@b\.test\r\n {4}local delivery failed\r\n/],
      [{ ...local, textForSender: "mailbox is full" }, /x@b\.test\r\n {4}mailbox is full\r\n/],
      [{ ...local, output: "usage: deliver FILE\n" }, /------ x@b\.test ------\r\n\r\nusage: deliver FILE\r\n/],
    ];
    for (const [result, words] of cases) {
      const [report] = told(await outcomeOf([[{ address: "x@b.test" }, result]]));
      assert.match(report?.text ?? "", words);
      assert.ok(!report?.text.includes("/var/mail"));
    }
  });

  test("goes to whoever the operator wants a copy sent to, once each, and what he got wrong is in the log", async () => {
    const copies = ["copy@a.test", "ann@a.test"];
    const reports = reportsWith({}, { copies, problems: ["dsn_from cannot be expanded: x"] });
    const outcome = await outcomeOf([[{}, refused]], {}, { reports });
    assert.deepEqual(
      told(outcome).map(({ to }) => to),
      [["ann@a.test", "copy@a.test"]],
    );
    assert.deepEqual(notes(outcome), ["dsn_from cannot be expanded: x"]);
  });
});

describe("a success", () => {
  const cases: readonly [name: string, result: AttemptResult, group: string | undefined][] = [
    ["at a host without DSN is relayed", delivered, "relayed r0@b.test"],
    ["at home is delivered", atHome, "delivered r0@b.test"],
    ["that the host will tell of is not told by us", { ...delivered, isNotificationPassedOn: true }, undefined],
  ];
  for (const [name, result, group] of cases) {
    test(name, async () => {
      const outcome = await outcomeOf([[asking("SUCCESS", "FAILURE"), result]]);
      assert.deepEqual(
        told(outcome).flatMap(({ groups }) => groups),
        group === undefined ? [] : [group],
      );
      assert.equal(outcome.eventsIfComplete?.length, 1);
      assert.deepEqual(carriedOn(outcome), []);
    });
  }

  test("is told for those only whose sender has asked, in one report", async () => {
    const outcome = await outcomeOf([
      [asking("SUCCESS"), delivered],
      [{}, delivered],
      [asking("SUCCESS"), later],
      [asking("NEVER"), delivered],
      [asking("SUCCESS", "DELAY"), delivered],
    ]);
    assert.deepEqual(
      told(outcome).map(({ to, subject, groups }) => [to, subject, groups]),
      [[["ann@a.test"], "Delivery Status Notification", ["relayed r0@b.test", "relayed r4@b.test"]]],
    );
    assert.deepEqual(
      carriedOn(outcome).map(({ address }) => address),
      ["r2@b.test"],
    );
  });

  test("of a report is told to nobody", async () => {
    assert.deepEqual(told(await outcomeOf([[asking("SUCCESS"), delivered]], { returnPath: "" })), []);
  });
});

describe("a delay", () => {
  const reports = reportsWith({ delayWarningsMs: [24 * HOUR] });
  const old = { receivedAtMs: NOW - 25 * HOUR };

  test("is told when it is due, once, with what was said and until when it is tried", async () => {
    const outcome = await outcomeOf([[{ firstFailedAtMs: NOW - 25 * HOUR }, later]], old, { reports });
    const [warning] = told(outcome);
    assert.equal(warning?.subject, `Warning: message ${MESSAGE} delayed 24 hours`);
    assert.deepEqual(warning?.groups, ["delayed r0@b.test"]);
    assert.match(warning?.text ?? "", /^Status: 4\.2\.0\r$/m);
    const until = new Date(NOW + 71 * HOUR).toUTCString().replace("GMT", "+0000");
    assert.ok(warning?.text.includes(`Will-Retry-Until: ${until}`));
    const [next] = carriedOn(outcome);
    assert.equal(next?.warningsSent, 1);
    assert.deepEqual(told(await outcomeOf([[next ?? {}, later]], old, { reports })), []);
    const [again] = carriedOn(await outcomeOf([[next ?? {}, later]], old, { reports }));
    assert.equal(again?.warningsSent, 1);
    const third = await outcomeOf([[next ?? {}, later]], { receivedAtMs: NOW - 73 * HOUR }, { reports });
    assert.equal(told(third)[0]?.subject, `Warning: message ${MESSAGE} delayed 72 hours`);
    assert.equal(carriedOn(third)[0]?.warningsSent, 3);
  });

  const silent: readonly [name: string, given: Given, changes: Partial<DeliveryItem>][] = [
    ["before its time", [{}, later], { receivedAtMs: NOW - 23 * HOUR }],
    ["of a report", [{}, later], { ...old, returnPath: "" }],
    ["with NOTIFY=NEVER", [asking("NEVER"), later], old],
    ["with NOTIFY=FAILURE", [asking("FAILURE"), later], old],
    ["where errors_to is empty", [withErrorsTo(""), later], old],
  ];
  for (const [name, given, changes] of silent) {
    test(`is not told ${name}`, async () => {
      assert.deepEqual(told(await outcomeOf([given], changes, { reports })), []);
    });
  }

  test("is told with NOTIFY=DELAY, to errors_to where there is one; all of one item in one", async () => {
    const given: Given[] = [
      [asking("DELAY"), later],
      [withErrorsTo("boss@a.test"), later],
      [{}, later],
    ];
    assert.deepEqual(
      told(await outcomeOf(given, old, { reports })).map(({ to, groups }) => [to.join(), groups]),
      [
        ["ann@a.test", ["delayed r0@b.test", "delayed r2@b.test"]],
        ["boss@a.test", ["delayed list@a.test"]],
      ],
    );
  });

  test("is not told where delay_warning_condition does not hold", async () => {
    const unwanted = reportsWith({ delayWarningsMs: [24 * HOUR] }, { isWanted: false });
    const outcome = await outcomeOf([[{}, later]], old, { reports: unwanted });
    assert.deepEqual(told(outcome), []);
    assert.equal(carriedOn(outcome).length, 1);
  });
});

test("handled again, all reports are the same messages", async () => {
  const given: Given[] = [
    [asking("SUCCESS"), delivered],
    [{}, refused],
    [withErrorsTo("boss@a.test"), refused],
    [{}, later],
  ];
  const reports = reportsWith({ delayWarningsMs: [HOUR] });
  const once = await outcomeOf(given, { receivedAtMs: NOW - 2 * HOUR }, { reports });
  assert.equal(told(once).length, 4);
  assert.deepEqual(await outcomeOf(given, { receivedAtMs: NOW - 2 * HOUR }, { reports }), once);
  const ids = once.publish?.map(({ id }) => id) ?? [];
  assert.equal(new Set(ids).size, ids.length);
});
