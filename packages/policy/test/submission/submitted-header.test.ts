import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SubmittedMessage, submittedHeader } from "../../src/submission/submitted-header.ts";

const ID = "Message-Id: <E1@our.example>";
const DATE = "Date: now";

interface Row {
  readonly name: string;
  readonly given: readonly string[];
  readonly by?: Partial<SubmittedMessage>;
  readonly wanted: readonly string[];
  /** `joe@x.example` if it is left out. */
  readonly returnPath?: string;
}

const ann = { authenticatedId: "ann" };

/** What a real Exim 4.98.2 has in its spool. */
const rows: readonly Row[] = [
  {
    name: "nobody has authenticated",
    given: ["Subject: s"],
    wanted: ["Subject: s", ID, "From: joe@x.example", DATE],
  },
  {
    name: "no From: the one of the envelope, and who has really sent it",
    given: ["Subject: s"],
    by: ann,
    wanted: ["Subject: s", ID, "From: joe@x.example", "Sender: ann@q.example", DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "From is who has authenticated",
    given: ["From: A. <ANN@Q.example>"],
    by: ann,
    wanted: ["From: A. <ANN@Q.example>", ID, DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "From is somebody else, and so is Sender",
    given: ["From: Boss <boss@q.example>", "Sender: xx@y"],
    by: ann,
    wanted: ["From: Boss <boss@q.example>", ID, "Sender: ann@q.example", DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "Sender goes if nobody has authenticated, too",
    given: ["From: boss@q.example", "Sender: xx@y.example"],
    wanted: ["From: boss@q.example", ID, DATE],
  },
  {
    name: "the null sender stays, and its author is who has authenticated",
    given: ["Subject: s"],
    by: { ...ann, returnPath: "" },
    wanted: ["Subject: s", ID, "From: ann@q.example", DATE],
    returnPath: "",
  },
  {
    name: "the null sender of nobody has no author",
    given: ["Subject: s"],
    by: { returnPath: "" },
    wanted: ["Subject: s", ID, DATE],
    returnPath: "",
  },
  {
    name: "sender_retain",
    given: ["From: boss@q.example", "Sender: xx@y.example"],
    by: { ...ann, keepsSender: true },
    wanted: ["From: boss@q.example", "Sender: xx@y.example", ID, DATE],
  },
  {
    name: "sender_retain, without From and sender",
    given: ["Subject: s"],
    by: { ...ann, keepsSender: true, returnPath: "" },
    wanted: ["Subject: s", ID, "From: ann@q.example", DATE],
    returnPath: "",
  },
  {
    name: "domain=",
    given: ["From: boss@q.example"],
    by: { ...ann, domain: "d.example" },
    wanted: ["From: boss@q.example", ID, "Sender: ann@d.example", DATE],
    returnPath: "ann@d.example",
  },
  {
    name: "an empty domain: the id is a whole address",
    given: ["From: boss@q.example"],
    by: { authenticatedId: "ann@z.example", domain: "" },
    wanted: ["From: boss@q.example", ID, "Sender: ann@z.example", DATE],
    returnPath: "ann@z.example",
  },
  {
    name: "an id with a domain is a local part if nothing else is said",
    given: ["From: boss@q.example"],
    by: { authenticatedId: "ann@z.example" },
    wanted: ["From: boss@q.example", ID, 'Sender: "ann@z.example"@q.example', DATE],
    returnPath: '"ann@z.example"@q.example',
  },
  {
    name: "an id with a blank",
    given: ["From: boss@q.example"],
    by: { authenticatedId: "a b" },
    wanted: ["From: boss@q.example", ID, 'Sender: "a b"@q.example', DATE],
    returnPath: '"a b"@q.example',
  },
  {
    name: "name=",
    given: ["Subject: s"],
    by: { ...ann, name: "Ann B. Lee/x" },
    wanted: ["Subject: s", ID, 'From: "Ann B. Lee/x" <joe@x.example>', 'Sender: "Ann B. Lee/x" <ann@q.example>', DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "From without a domain, of two, and of none, is not who has authenticated",
    given: ["From: Ann"],
    by: ann,
    wanted: ["From: Ann", ID, "Sender: ann@q.example", DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "From of two",
    given: ["From: ann@q.example, bob@q.example"],
    by: ann,
    wanted: ["From: ann@q.example, bob@q.example", ID, "Sender: ann@q.example", DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "From that is no address",
    given: ["From: @@"],
    by: ann,
    wanted: ["From: @@", ID, "Sender: ann@q.example", DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "of two From fields the last one counts",
    given: ["From: bob@q.example", "From: ann@q.example"],
    by: ann,
    wanted: ["From: bob@q.example", "From: ann@q.example", ID, DATE],
    returnPath: "ann@q.example",
  },
  {
    name: "empty fields are there",
    given: ["Date:", "Message-Id :", "From: ann@q.example"],
    by: ann,
    wanted: ["Date:", "Message-Id :", "From: ann@q.example"],
    returnPath: "ann@q.example",
  },
  {
    name: "sent again",
    given: ["Received: x", "Subject: s", "Resent-To: y@z"],
    by: ann,
    wanted: [
      "Resent-Date: now",
      `Resent-${ID}`,
      "Received: x",
      "Subject: s",
      "Resent-To: y@z",
      "Resent-From: joe@x.example",
      "Resent-Sender: ann@q.example",
    ],
    returnPath: "ann@q.example",
  },
  {
    name: "sent again: what was there of the first time stays",
    given: ["Resent-From: x@y.example", "From: z@z.example", "Sender: xx@y", "Resent-Sender: yy@y", "Date: then"],
    by: ann,
    wanted: [
      "Resent-Date: now",
      `Resent-${ID}`,
      "Resent-From: x@y.example",
      "From: z@z.example",
      "Sender: xx@y",
      "Date: then",
      "Resent-Sender: ann@q.example",
    ],
    returnPath: "ann@q.example",
  },
];

/** What Exim puts into header and envelope as it is. */
const refused: readonly Partial<SubmittedMessage>[] = [
  { authenticatedId: "ann\nBcc: all@x.example", domain: "" },
  { authenticatedId: "ann\0" },
  { authenticatedId: "\xc3\xa4nn" },
  { authenticatedId: "a b@x.example", domain: "" },
  { authenticatedId: "ann", domain: "a b" },
  { authenticatedId: "a".repeat(300) },
];

function message(by: Partial<SubmittedMessage>, lines: readonly string[]): SubmittedMessage {
  return {
    lines: lines.map((line) => `${line}\n`),
    returnPath: "joe@x.example",
    authenticatedId: "",
    keepsSender: false,
    qualifyDomain: "q.example",
    charset: "UTF-8",
    allowsUtf8: false,
    messageId: "<E1@our.example>",
    date: "now",
    ...by,
  };
}

function shown(given: SubmittedMessage): string[] {
  const { first, last, gone } = submittedHeader(given);
  return [...first, ...given.lines.filter((line) => !gone.has(line)), ...last].map((line) => line.replace(/\n$/, ""));
}

describe("a submitted message is completed as Exim does it", () => {
  for (const { name, given, by = {}, wanted, returnPath = "joe@x.example" } of rows) {
    test(name, () => {
      const submitted = message(by, given);
      assert.deepEqual(shown(submitted), wanted);
      assert.equal(submittedHeader(submitted).returnPath, returnPath);
      assert.equal(submittedHeader(submitted).problem, undefined);
      assert.equal(submittedHeader(submitted).refusal, undefined);
    });
  }

  for (const by of refused) {
    test(`an id that makes no address is nobody's: ${JSON.stringify(by).slice(0, 60)}`, () => {
      const submitted = message(by, ["Subject: s"]);
      assert.deepEqual(shown(submitted), ["Subject: s", ID, "From: joe@x.example", DATE]);
      assert.equal(submittedHeader(submitted).returnPath, "joe@x.example");
      assert.match(submittedHeader(submitted).problem ?? "", /no address/);
      const isUtf8 = by.authenticatedId === "\xc3\xa4nn";
      assert.equal(submittedHeader(submitted).refusal?.code, isUtf8 ? 553 : 550);
      assert.equal(submittedHeader({ ...submitted, keepsSender: true }).refusal, undefined);
    });
  }

  test("an id in UTF-8 is an address for a client that says SMTPUTF8", () => {
    const submitted = message({ authenticatedId: "\xc3\xa4nn", allowsUtf8: true }, ["Subject: s"]);
    assert.equal(submittedHeader(submitted).returnPath, '"\xc3\xa4nn"@q.example');
    assert.equal(submittedHeader(submitted).refusal, undefined);
  });

  test("an id that is no whole address gets the domain that others have", () => {
    const submitted = message({ authenticatedId: "ann", domain: "" }, ["From: boss@q.example"]);
    assert.equal(submittedHeader(submitted).returnPath, "ann@q.example");
  });
});
