import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { Content, DeliveryItem } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { ConcludeContext } from "../src/attempted.ts";
import { conclude } from "../src/conclude.ts";
import { defaultReports } from "../src/report-policy.ts";

const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";
const HOUR_MS = 3_600_000;

/** A spool in memory: what is stored under a name stays. */
class StoredContents {
  readonly all = new Map<string, Buffer>();
  isFull = false;
  aborted = 0;

  readonly create: NonNullable<ConcludeContext["createSpooled"]> = async (id) => {
    const pieces: Buffer[] = [];
    return {
      write: async (octets) => {
        if (this.isFull) throw new DeferError("spool", "it is full");
        pieces.push(Buffer.from(octets));
      },
      finish: async () => {
        assert.equal(this.all.has(id), false, "written once");
        const whole = Buffer.concat(pieces);
        this.all.set(id, whole);
        return { id, size: whole.length, sha256: createHash("sha256").update(whole).digest("hex") };
      },
      abort: async () => {
        this.aborted++;
      },
    };
  };

  readonly read: NonNullable<ConcludeContext["readSpooled"]> = ({ id }) => piecesOf(this.all.get(id));
}

async function* piecesOf(whole: Buffer | undefined): AsyncIterable<Buffer> {
  if (whole === undefined) throw new Error("content: missing");
  for (let at = 0; at < whole.length; at += 65_536) yield whole.subarray(at, at + 65_536);
}

const large = Buffer.from(`Subject: large\r\nFrom: <ann@a.test>\r\n\r\n${`${"y".repeat(70)}\r\n`.repeat(5_000)}`);

/** The one report of a message that has failed. */
async function reportOf(
  spool: StoredContents,
  {
    message = large,
    sizeLimit = 1_000_000,
    item = {},
    random = () => 0.5,
    others = {},
  }: {
    readonly message?: Buffer;
    readonly sizeLimit?: number;
    readonly item?: Partial<DeliveryItem>;
    readonly random?: () => number;
    readonly others?: Partial<ConcludeContext>;
  } = {},
) {
  if (!spool.all.has(MESSAGE)) spool.all.set(MESSAGE, message);
  const sha256 = createHash("sha256").update(message).digest("hex");
  const content: Content = { kind: "spooled", id: MESSAGE, size: message.length, sha256 };
  const delivery: DeliveryItem = {
    ...{ v: 1, messageId: MESSAGE, returnPath: "ann@a.test", recipients: [{ address: "bob@b.test" }] },
    ...{ receivedAtMs: NOW - 60_000, queuedAtMs: NOW - 1_000, attempt: 1, router: "r", transport: "t" },
    ...{ domain: "b.test", reception: { protocol: "esmtp", size: message.length }, ...item },
  };
  const own = defaultReports("mx.test");
  const [recipient] = delivery.recipients;
  assert.ok(recipient);
  const outcome = await conclude(
    { id: `${MESSAGE}_0_1`, content, handedOut: 1 },
    delivery,
    [{ recipient, result: { outcome: "failed", host: "mx.b.test", text: "550 5.1.1 unknown" } }],
    {
      ...{ service: "delivery", nowMs: NOW, random, primaryHostname: "mx.test" },
      reports: { ...own, limits: { ...own.limits, sizeLimit } },
      retryRule: () => [{ kind: "F", cutoffMs: HOUR_MS, intervalMs: HOUR_MS }],
      ...{ readSpooled: spool.read, createSpooled: spool.create, ...others },
    },
  );
  const [publication] = outcome.publish ?? [];
  assert.ok(publication !== undefined && outcome.publish?.length === 1);
  const { content: made } = publication;
  const octets = made.kind === "inline" ? made.octets : (spool.all.get(made.id) ?? Buffer.alloc(0));
  const notes = (outcome.events ?? []).flatMap((event) => (event.name === "msg:note" ? [event.text] : []));
  return { publication, made, octets, notes };
}

describe("a bounce that returns a large message", () => {
  test("is stored, with the message in it as it came, and known by its reference", async () => {
    const spool = new StoredContents();
    const { publication, made, octets, notes } = await reportOf(spool);
    assert.equal(made.kind, "spooled");
    assert.ok(
      made.kind === "spooled" && made.id.startsWith(`${publication.messageId}--`) && made.size === octets.length,
    );
    const at = octets.indexOf(large);
    assert.match(
      octets.subarray(0, at).toString("latin1"),
      /Content-Type: message\/rfc822\r\n(?:.+\r\n)*\r\nReturn-path: <ann@a\.test>\r\n$/,
    );
    assert.match(octets.subarray(at + large.length).toString("latin1"), /^\r\n--\S+--\r\n$/);
    assert.deepEqual(notes, []);
    assert.equal(JSON.parse(JSON.stringify(publication.header)).reception.size, octets.length);
  });

  test("made a second time has the same id, and leaves what was stored the first time as it is", async () => {
    const spool = new StoredContents();
    const first = await reportOf(spool);
    const second = await reportOf(spool, { random: () => 0.25 });
    assert.equal(first.publication.id, second.publication.id);
    assert.notEqual(first.made.kind === "spooled" && first.made.id, second.made.kind === "spooled" && second.made.id);
    assert.equal(spool.all.size, 3);
  });

  const small: readonly [name: string, options: Parameters<typeof reportOf>[1], header: RegExp][] = [
    ["larger than bounce_return_size_limit", { sizeLimit: 100 * 1024 }, /^X-Exim-DSN-Information: /m],
    ["RET=HDRS", { item: { notification: { ret: "HDRS" } } }, /^Content-Type: text\/rfc822-headers/m],
    [
      "of which a line is too long",
      { message: Buffer.concat([large, Buffer.alloc(2_000, "x")]) },
      /^X-Exim-DSN-Information: /m,
    ],
    ["that was to be protected (RFC 8689)", { item: { requireTls: true } }, /^Content-Type: text\/rfc822-headers/m],
  ];
  for (const [name, options, header] of small) {
    test(`returns the header section only of a message ${name}, and stores nothing`, async () => {
      const spool = new StoredContents();
      const { made, octets } = await reportOf(spool, options);
      assert.equal(made.kind, "inline");
      assert.match(octets.toString("latin1"), header);
      assert.match(octets.toString("latin1"), /^Subject: large\r$/m);
      assert.deepEqual([...spool.all.keys()], [MESSAGE]);
    });
  }

  test("is told all the same where there is no room for the message: its header section goes with it, and the log says why", async () => {
    const spool = new StoredContents();
    spool.isFull = true;
    const { made, octets, notes } = await reportOf(spool);
    assert.equal(made.kind, "inline");
    assert.match(octets.toString("latin1"), /^Subject: large\r$/m);
    assert.deepEqual(notes, ["the message could not be returned in its report: spool: it is full"]);
    assert.equal(spool.aborted, 1);
  });

  test("is told all the same where the message is damaged", async () => {
    const spool = new StoredContents();
    const damaged = async function* () {
      yield large.subarray(0, 70_000);
      throw new Error("content: damaged");
    };
    const { made, notes } = await reportOf(spool, { others: { readSpooled: damaged } });
    assert.equal(made.kind, "inline");
    assert.deepEqual(notes, ["the message could not be read for its report: content: damaged"]);
  });
});
