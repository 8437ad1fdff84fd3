import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  decodeBmiVerdict,
  encodeBmiVerdict,
  RouteItem,
  type ScanAnswer,
  ScanRequest,
  scanSubject,
} from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestPolicy } from "./start-test-gateway.ts";

const ENGINE = "begin engines\none:\n  driver = clamd\n  server = 127.0.0.1 3310\n";
const RUNS = "accept control = bmi_run\n  bmi_optin = for-$local_part";
const MESSAGE = "Subject: x\r\n\r\nbody\r\n";
const LARGE = `Subject: x\r\n\r\n${`${"y".repeat(98)}\r\n`.repeat(3_000)}`;

/** A policy with an engine, or with none. */
const policy = (acls: Readonly<Record<string, string>> = {}, main = ""): TestPolicy => ({
  main: `prdr_enable\nbmi_config_file = bmi.conf\n${main}`,
  acls: { rcpt: RUNS, ...acls },
  bmi: ENGINE,
});

interface Question extends ScanRequest {
  readonly text: string;
}

/** A scanner that drops the message for whose address begins with a `d`. */
async function serveScanner({ bus }: TestGateway, answer?: ScanAnswer): Promise<Question[]> {
  const asked: Question[] = [];
  await bus.serve(scanSubject, { concurrency: 1 }, async ({ body, content }): Promise<ScanAnswer> => {
    const request = Value.Parse(ScanRequest, body);
    const pieces: Buffer[] = [];
    if (content?.kind === "inline") pieces.push(content.octets);
    else if (content !== undefined) for await (const octets of bus.spool.read(content)) pieces.push(octets);
    const { text, replaces } = request.header;
    asked.push({ ...request, text: text + Buffer.concat(pieces).subarray(replaces).toString("latin1") });
    const verdict = (r: string[], d: "default" | "drop"): string[] =>
      r.length === 0 ? [] : [encodeBmiVerdict({ v: 1, r, d, f: [], e: 0 })];
    const { recipients } = request;
    const verdicts = [
      ...verdict(
        recipients.filter((address) => !address.startsWith("d")),
        "default",
      ),
      ...verdict(
        recipients.filter((address) => address.startsWith("d")),
        "drop",
      ),
    ];
    return answer ?? { v: 2, state: "scanned", verdict: { engine: "bmi", verdicts, warnings: ["odd"] } };
  });
  return asked;
}

interface Sent {
  readonly to?: readonly string[];
  readonly parameters?: string;
  readonly content?: string;
  readonly codes?: readonly number[];
}

async function send(
  gateway: TestGateway,
  { to = ["a"], parameters = "", content = MESSAGE, codes = [250] }: Sent = {},
) {
  await using client = await gateway.session();
  const rcpt = to.map((name) => `RCPT TO:<${name}@example.org>\r\n`).join("");
  await client.say(`MAIL FROM:<s@b.example>${parameters}\r\n${rcpt}DATA\r\n`, 250, ...to.map(() => 250), 354);
  await client.say(`${content}.\r\n`, ...codes);
}

const verdictsIn = ({ header }: { readonly header: unknown }) =>
  Value.Parse(RouteItem, header).bmiVerdicts?.map(decodeBmiVerdict);

describe("BMI", () => {
  for (const [what, content] of Object.entries({ small: MESSAGE, large: LARGE })) {
    test(`is asked about ${what} content as it leaves, and its verdicts travel with the message`, async () => {
      await using gateway = await startTestGateway({ policy: policy() });
      const asked = await serveScanner(gateway);
      const line = gateway.event((event) => event.name === "log:line");
      await send(gateway, { to: ["a", "d", "b"], content });
      const taken = await gateway.taken();
      assert.deepEqual(verdictsIn(taken), [
        { v: 1, r: ["a@example.org", "b@example.org"], d: "default", f: [], e: 0 },
        { v: 1, r: ["d@example.org"], d: "drop", f: [], e: 0 },
      ]);
      const [question, ...more] = asked;
      assert.deepEqual([question?.text, more.length], [taken.content, 0]);
      assert.equal(taken.isSpooled, content === LARGE);
      assert.partialDeepStrictEqual(question, {
        client: { address: "127.0.0.1", helo: "client.example" },
        returnPath: "s@b.example",
        task: {
          engine: "bmi",
          recipients: ["a", "d", "b"].map((name) => ({ address: `${name}@example.org`, optin: ["0"] })),
        },
      });
      const text = 'bmi: no profile has the opt-in string "for-a"';
      assert.partialDeepStrictEqual(await line, { text, targets: ["main"] });
    });
  }

  test("sees what ACLs have added", async () => {
    await using gateway = await startTestGateway({ policy: policy({ data: "accept add_header = X-Late: yes" }) });
    const asked = await serveScanner(gateway);
    await send(gateway);
    assert.match(asked[0]?.text ?? "", /^Received: [\s\S]*\r\nSubject: x\r\nX-Late: yes\r\n\r\nbody\r\n$/);
  });

  test("is not asked unless an ACL says so, nor about what is refused", async () => {
    await using gateway = await startTestGateway({
      policy: policy({ rcpt: "accept domains = bmi\n control = bmi_run\n  accept" }),
    });
    const asked = await serveScanner(gateway);
    await send(gateway);
    assert.equal(verdictsIn(await gateway.taken()), undefined);
    await gateway.reload(policy({ data: "deny" }));
    await send(gateway, { codes: [550] });
    assert.deepEqual(asked, []);
  });

  for (const [what, content] of Object.entries({ small: MESSAGE, large: LARGE })) {
    test(`is asked before ACLs that want to know, once: ${what} content`, async () => {
      const acls = {
        data_prdr: "deny condition = ${if eq{$bmi_deliver}{0}}\n message = no $local_part\n  accept",
        data: "accept add_header = X-Deliver: $bmi_deliver",
      };
      await using gateway = await startTestGateway({ policy: policy(acls) });
      const asked = await serveScanner(gateway);
      const to = ["a", "d", "b"];
      await send(gateway, { to, content, parameters: " PRDR", codes: [353, 250, 550, 250, 250] });
      const taken = await gateway.taken();
      const about = [{ v: 1, r: ["a@example.org", "b@example.org"], d: "default", f: [], e: 0 }];
      assert.deepEqual([verdictsIn(taken), asked.length], [about, 1]);
      assert.match(taken.content, /\r\nX-Deliver: 1\r\n/);
    });
  }

  test("at DATA is for all, where they do not differ", async () => {
    const acls = { data: "deny condition = ${if eq{$bmi_deliver}{0}}\n  accept" };
    await using gateway = await startTestGateway({ policy: policy(acls) });
    await serveScanner(gateway);
    await send(gateway, { to: ["d", "d2"], codes: [550] });
    await send(gateway, { to: ["d", "a"], codes: [250] });
  });

  const failed: ScanAnswer = { v: 2, state: "failed", reason: "clamd: away" };
  for (const [when, acls] of [
    ["at the end", {}],
    ["before an ACL", { data: "accept condition = ${if eq{$bmi_deliver}{1}}" }],
  ] as const) {
    test(`that cannot tell ${when} keeps no mail away`, async () => {
      await using gateway = await startTestGateway({ policy: policy(acls) });
      await serveScanner(gateway, failed);
      const line = gateway.event((event) => event.name === "log:line");
      await send(gateway);
      assert.equal(verdictsIn(await gateway.taken()), undefined);
      assert.partialDeepStrictEqual(await line, {
        text: "bmi error: clamd: away",
        targets: ["main", "panic"],
      });
    });

    test(`that cannot tell ${when} has mail come again, with bmi_on_error = defer`, async () => {
      await using gateway = await startTestGateway({ policy: policy(acls, "bmi_on_error = defer") });
      await serveScanner(gateway, failed);
      await send(gateway, { codes: [451] });
      await send(gateway, { content: LARGE, codes: [451] });
      assert.deepEqual(await gateway.spooled(), []);
    });
  }

  test("without anybody who answers is the same", async () => {
    await using gateway = await startTestGateway({ policy: policy({}, "bmi_on_error = defer") });
    await send(gateway, { codes: [451] });
  });

  for (const [onError, code] of [
    ["deliver", 250],
    ["defer", 451],
  ] as const) {
    test(`is not asked for more than 256 profiles of one message: bmi_on_error = ${onError}`, async () => {
      const profiles = Array.from({ length: 257 }, (_, i) => `p${i}:\n  optin = for-r${i}\n`).join("");
      const bmi = `${ENGINE}begin profiles\n${profiles}`;
      await using gateway = await startTestGateway({
        policy: { ...policy({}, `bmi_on_error = ${onError}`), bmi, smtp: { recipientsMax: 300 } },
      });
      const asked = await serveScanner(gateway);
      const line = gateway.event((event) => event.name === "log:line");
      const to = Array.from({ length: 257 }, (_, i) => `r${i}`);
      await send(gateway, { to, codes: [code] });
      const said = "bmi error: 257 profiles for one message (at most 256)";
      assert.partialDeepStrictEqual(await line, { text: said, targets: ["main", "panic"] });
      assert.equal(asked.length, 0);
      await send(gateway, { to: to.slice(1) });
      assert.equal(asked.length, 1);
    });
  }

  test("is asked once about many recipients, each with strings of its own: the first stand for the others", async () => {
    await using gateway = await startTestGateway({ policy: { ...policy(), smtp: { recipientsMax: 3_000 } } });
    const asked = await serveScanner(gateway);
    const to = Array.from({ length: 2_500 }, (_, i) => `${i}${"x".repeat(60)}`);
    await send(gateway, { to });
    assert.equal(asked.length, 1);
    const named = asked[0]?.recipients.length ?? 0;
    assert.ok(named > 500 && named < 2_500, `${named} are named`);
    const about = verdictsIn(await gateway.taken())?.flatMap((verdict) => verdict?.r ?? []);
    assert.deepEqual(
      about,
      to.map((name) => `${name}@example.org`),
    );
  });
});
