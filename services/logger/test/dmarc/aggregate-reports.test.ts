import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Publication } from "@postbus/bus";
import { type DestinationsAnswer, INLINE_LIMIT_OCTETS, type MailEvent, RouteItem } from "@postbus/contracts";
import { DAY_MS, type History, openHistory } from "@postbus/history";
import { pino } from "pino";
import { Value } from "typebox/value";
import { type AggregateDeps, AggregateReports } from "../../src/dmarc/aggregate-reports.ts";
import { aggregateXml } from "../../src/dmarc/aggregate-xml.ts";
import { checkedMessage, NOON, record } from "./checked-message.ts";

const SETTINGS = {
  hostname: "mx.test",
  from: "DMARC <dmarc@mx.test>",
  authenticatedSender: "reports@mx.test",
  suffixFile: undefined,
};
const PROGRAM = fileURLToPath(new URL("../programs/read-aggregate-report.py", import.meta.url));
const hasPython = spawnSync("python3", ["-c", "import gzip, email, xml"]).status === 0;
const withPython = hasPython ? {} : { skip: "python3 is not there" };

let directory: string;
let history: History;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-aggregate-"));
  history = await openHistory({ directory });
});
afterEach(async () => {
  await history.close();
  await rm(directory, { recursive: true });
});

interface World {
  nowMs: number;
  readonly published: Publication[];
  readonly events: MailEvent[];
  readonly asked: object[];
  answer: DestinationsAnswer;
  publish?: () => Promise<void>;
}

const newWorld = (): World => ({
  nowMs: NOON + DAY_MS,
  published: [],
  events: [],
  asked: [],
  answer: { v: 1, destinations: [{ address: "rua@b.example" }] },
});

function reporter(world: World, deps: Partial<AggregateDeps> = {}): AggregateReports {
  return new AggregateReports({
    history,
    bus: {
      async publish(publication, events) {
        await world.publish?.();
        world.published.push(publication);
        world.events.push(...(events ?? []));
      },
      async request(_subject, question) {
        world.asked.push(question);
        return world.answer;
      },
    },
    settings: () => SETTINGS,
    isUpToDate: () => true,
    log: pino({ level: "silent" }),
    now: () => world.nowMs,
    ...deps,
  });
}

const reported = (number: number, changes: Parameters<typeof checkedMessage>[1] = {}): MailEvent =>
  checkedMessage(number, { isReported: true, ...changes });

async function store(events: readonly MailEvent[], position = "1"): Promise<void> {
  await (await history.openReader("logger")).append(events, { position, note: "" });
}

const octetsOf = ({ content }: Publication): Buffer => (content.kind === "inline" ? content.octets : assert.fail());

/** An element as the program prints it. */
type Element = readonly [string, string | readonly Element[]];

interface Read {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly types: readonly string[];
  readonly filename: string;
  readonly defects: readonly string[];
  readonly report: Element;
}

function read(publication: Publication): Read {
  const { stdout, stderr, status } = spawnSync("python3", [PROGRAM], {
    input: octetsOf(publication),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Read;
}

describe("aggregate reports", () => {
  test("a day's results are one message for each domain, read by other programs", withPython, async () => {
    const pass = {
      clientAddress: "2001:db8::1",
      status: "accept",
      outcome: "accepted",
      returnDomain: "",
      facts: {
        spf: { result: "none", domain: "client.example" },
        dkim: [{ result: "pass", domain: "b.example", selector: "s<1>" }],
        dmarc: { result: "pass", domain: "sub.b.example", policy: "reject" },
      },
      detail: { isSpfAligned: false, isDkimAligned: true, record: { ...record, np: "none", fo: "1", isTest: true } },
    } as const;
    await store([reported(1), reported(2), reported(3, pass as never), checkedMessage(4)]);
    const world = newWorld();
    assert.equal(await reporter(world).look(), 1);
    const [publication = assert.fail()] = world.published;
    assert.deepEqual(world.asked, [{ v: 1, domain: "b.example", uris: record.rua, tag: "rua" }]);

    const item = Value.Parse(RouteItem, publication.header);
    assert.deepEqual([item.returnPath, item.recipients], ["dmarc@mx.test", [{ address: "rua@b.example" }]]);
    assert.equal(item.reception.authenticatedSender, SETTINGS.authenticatedSender);
    const { report, ...mail } = read(publication);
    const id = publication.messageId.replaceAll("-", "");
    const begin = Math.floor(NOON / DAY_MS) * 86_400;
    assert.deepEqual(mail, {
      subject: `Report Domain: b.example Submitter: mx.test Report-ID: <${id}@mx.test>`,
      from: "DMARC <dmarc@mx.test>",
      to: "rua@b.example",
      types: ["text/plain", "application/gzip"],
      filename: `mx.test!b.example!${begin}!${begin + 86_399}!${id}.xml.gz`,
      defects: [],
    });
    const failed: Element = [
      "record",
      [
        [
          "row",
          [
            ["source_ip", "192.0.2.1"],
            ["count", "2"],
            [
              "policy_evaluated",
              [
                ["disposition", "reject"],
                ["dkim", "fail"],
                ["spf", "fail"],
              ],
            ],
          ],
        ],
        [
          "identifiers",
          [
            ["header_from", "b.example"],
            ["envelope_from", "b.example"],
          ],
        ],
        [
          "auth_results",
          [
            [
              "dkim",
              [
                ["domain", "b.example"],
                ["selector", "s1"],
                ["result", "fail"],
              ],
            ],
            [
              "spf",
              [
                ["domain", "b.example"],
                ["scope", "mfrom"],
                ["result", "fail"],
              ],
            ],
          ],
        ],
      ],
    ];
    const passed: Element = [
      "record",
      [
        [
          "row",
          [
            ["source_ip", "2001:db8::1"],
            ["count", "1"],
            [
              "policy_evaluated",
              [
                ["disposition", "pass"],
                ["dkim", "pass"],
                ["spf", "fail"],
              ],
            ],
          ],
        ],
        [
          "identifiers",
          [
            ["header_from", "sub.b.example"],
            ["envelope_from", ""],
          ],
        ],
        [
          "auth_results",
          [
            [
              "dkim",
              [
                ["domain", "b.example"],
                ["selector", "s<1>"],
                ["result", "pass"],
              ],
            ],
            [
              "spf",
              [
                ["domain", "client.example"],
                ["scope", "mfrom"],
                ["result", "none"],
              ],
            ],
          ],
        ],
      ],
    ];
    assert.deepEqual(report, [
      "feedback",
      [
        ["version", "1.0"],
        [
          "report_metadata",
          [
            ["org_name", "mx.test"],
            ["email", "dmarc@mx.test"],
            ["report_id", `${id}@mx.test`],
            [
              "date_range",
              [
                ["begin", String(begin)],
                ["end", String(begin + 86_399)],
              ],
            ],
            ["generator", "Postbus"],
          ],
        ],
        [
          "policy_published",
          [
            ["domain", "b.example"],
            ["discovery_method", "treewalk"],
            ["p", "reject"],
            ["sp", "reject"],
            ["np", "none"],
            ["fo", "1"],
            ["adkim", "r"],
            ["aspf", "s"],
            ["testing", "y"],
          ],
        ],
        failed,
        passed,
      ],
    ]);
  });

  const dispositions = [
    ["a failure that was refused", {}, ["reject"]],
    ["a failure that was taken all the same", { outcome: "accepted" }, ["none", "local_policy"]],
    ["one that is put aside", { status: "quarantine", outcome: "accepted" }, ["quarantine"]],
    ["one that should be, and is refused", { status: "quarantine" }, ["reject", "local_policy"]],
    ["one that is only watched", { status: "none", outcome: "accepted" }, ["none"]],
    ["a pass that something else refuses", { status: "accept" }, ["pass"]],
  ] as const;
  for (const [name, changes, expected] of dispositions) {
    test(`what was done with ${name}: ${expected.join(", ")}`, withPython, async () => {
      await store([reported(1, changes)]);
      const world = newWorld();
      await reporter(world).look();
      const report = JSON.stringify(read(world.published[0] ?? assert.fail()).report);
      const [, disposition] = /"disposition","(\w+)"/.exec(report) ?? [];
      const [, reason] = /\["reason",\[\["type","(\w+)"\]\]\]/.exec(report) ?? [];
      assert.deepEqual([disposition, ...(reason === undefined ? [] : [reason])], expected);
    });
  }

  test("nothing goes out before the day is over, while events are missing, or where it is not wanted", async () => {
    await store([reported(1)]);
    const world = newWorld();
    const midnight = Math.ceil(NOON / DAY_MS) * DAY_MS;
    world.nowMs = midnight + 60_000;
    assert.equal(await reporter(world).look(), 0);
    world.nowMs = midnight + 31 * 60_000;
    assert.equal(await reporter(world, { isUpToDate: () => false }).look(), 0);
    assert.equal(await reporter(world, { settings: () => undefined }).look(), 0);
    assert.equal(await reporter(world).look(), 1);
  });

  test("many senders, however often they are started: one report", async () => {
    await store([reported(1)]);
    const world = newWorld();
    await Promise.all(Array.from({ length: 5 }, () => reporter(world).look()));
    await reporter(world).look();
    assert.equal(world.published.length, 1);
  });

  test("who dies after a report has gone out leaves a claim, and no second report", async () => {
    await store([reported(1)]);
    const world = newWorld();
    const dying: AggregateDeps["history"] = {
      nextDmarcDomain: (day, after) => history.nextDmarcDomain(day, after),
      claimDmarcReport: (claim) => history.claimDmarcReport(claim),
      endDmarcReport: () => Promise.reject(new Error("killed")),
      dmarcResults: (day, domain, limit) => history.dmarcResults(day, domain, limit),
      pruneDmarcResults: (day) => history.pruneDmarcResults(day),
      message: (id) => history.message(id),
    };
    await assert.rejects(reporter(world, { history: dying }).look(), /killed/);
    await store(world.events, "2");
    assert.equal(world.published.length, 1);
    world.nowMs += 60 * 60_000;
    assert.equal(await reporter(world).look(), 0);
    assert.equal(world.published.length, 1);
  });

  test("who dies before it has gone out leaves the report to the next, under the same id", async () => {
    await store([reported(1)]);
    const world = newWorld();
    const ids: string[] = [];
    world.publish = () => Promise.reject(new Error("bus is away"));
    await assert.rejects(reporter(world).look(), /bus is away/);
    delete world.publish;
    assert.equal(await reporter(world).look(), 0, "the claim still holds");
    world.nowMs += 16 * 60_000;
    assert.equal(await reporter(world).look(), 1);
    ids.push(...world.published.map(({ id }) => id));
    assert.equal(new Set(ids).size, 1);
  });

  test("a DNS that does not answer is asked again later; who may have no reports gets none", async () => {
    await store([reported(1)]);
    const world = newWorld();
    world.answer = { v: 1, destinations: [], isIncomplete: true };
    assert.equal(await reporter(world).look(), 0);
    world.nowMs += 16 * 60_000;
    world.answer = { v: 1, destinations: [] };
    assert.equal(await reporter(world).look(), 0);
    world.nowMs += 16 * 60_000;
    world.answer = { v: 1, destinations: [{ address: "rua@b.example" }] };
    assert.equal(await reporter(world).look(), 0, "that was settled");
  });

  test("one that can never be made is given up after thirty times", async () => {
    await store([reported(1)]);
    const world = newWorld();
    world.publish = () => Promise.reject(new Error("it does not fit"));
    for (let attempt = 0; attempt < 30; attempt++) {
      await assert.rejects(reporter(world).look(), /it does not fit/);
      world.nowMs += 16 * 60_000;
    }
    assert.equal(await reporter(world).look(), 0);
    delete world.publish;
    world.nowMs += 16 * 60_000;
    assert.equal(await reporter(world).look(), 0);
  });

  test("one that waits for ever is given up, and keeps no other waiting", async () => {
    const of = (number: number, domain: string) =>
      reported(number, { detail: { isSpfAligned: false, isDkimAligned: false, record: { ...record, domain } } });
    // Far more domains than reports are made beside each other.
    await store(Array.from({ length: 10 }, (_, n) => of(n, `${n}.example`)));
    const world = newWorld();
    const asked = new Set<string>();
    const bus: AggregateDeps["bus"] = {
      publish: async (publication) => void world.published.push(publication),
      async request(_subject, question) {
        const { domain } = question as { readonly domain: string };
        asked.add(domain);
        return domain === "0.example" ? new Promise<never>(() => undefined) : world.answer;
      },
    };
    const looking = reporter(world, { bus, timeoutMs: 5_000 }).look();
    await assert.rejects(looking, /no report about 0\.example in 5000 ms/);
    assert.deepEqual([asked.size, world.published.length], [10, 9]);
  });

  test("very many results: others run meanwhile", async () => {
    const texts = aggregateXml(
      Array.from({ length: 3_000 }, (_, n) => ({
        body: JSON.stringify({
          ...{ clientAddress: `192.0.2.${n % 250}`, status: "reject", outcome: "refused", policy: "reject" },
          ...{ isDkimAligned: false, isSpfAligned: false, headerFrom: "b.example", envelopeFrom: `${n}.example` },
          ...{ dkim: [], spf: ["b.example", "mfrom", "fail"], record },
        }),
        count: 1,
        atMs: n,
      })),
      { organization: "mx.test", email: "a@mx.test", reportId: "1@mx.test", begin: 0, end: 86_399, leftOut: 0 },
    );
    const sizes = [...texts].map(({ length }) => length);
    assert.ok(sizes.length > 20, `${sizes.length} pieces`);
    assert.ok(Math.max(...sizes) < 64 * 1024);
  });

  test("who takes only small reports gets no large one", async () => {
    await store([reported(1)]);
    const world = newWorld();
    const destinations = [
      { address: "small@b.example", maxOctets: 500 },
      { address: "large@b.example", maxOctets: 50_000 },
    ];
    world.answer = { v: 1, destinations };
    await reporter(world).look();
    const item = Value.Parse(RouteItem, world.published[0]?.header);
    assert.deepEqual(item.recipients, [{ address: "large@b.example" }]);
  });

  test("a report of very many senders fits into one item, and says what it leaves out", withPython, async () => {
    const random = (n: number): string => ((n * 2_654_435_761) >>> 0).toString(16).padStart(8, "0");
    const events = Array.from({ length: 9_000 }, (_, n) => {
      const clientAddress = `2001:db8:${random(n).slice(0, 4)}::${random(n).slice(4)}`;
      const selector = `${random(n + 7)}${random(n * 31)}${random(n * 77)}${random(n * 91)}`;
      return reported(n, { clientAddress, facts: { dkim: [{ result: "fail", domain: "b.example", selector }] } });
    });
    await store(events);
    const world = newWorld();
    await reporter(world).look();
    const [publication = assert.fail()] = world.published;
    assert.ok(octetsOf(publication).length <= INLINE_LIMIT_OCTETS);
    const report = JSON.stringify(read(publication).report);
    const shown = report.match(/"source_ip"/g)?.length ?? 0;
    assert.ok(shown > 500, String(shown));
    assert.match(report, new RegExp(`"error","${9_000 - shown} messages are left out`));
  });
});
