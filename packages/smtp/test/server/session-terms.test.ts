import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ServerSession } from "../../src/server/session.ts";
import { type SessionTerms, sessionProfile } from "../../src/server/session-profile.ts";
import { converse, settings } from "./conversation.ts";

/** What a session says until it waits, every question answered with yes. */
function talk(session: ServerSession, text: string): string {
  session.receive(Buffer.from(text, "latin1"));
  for (;;) {
    const { kind } = session.next();
    if (kind === "read" || kind === "close") return session.takeOutput();
    if (kind !== "refused") session.accept();
  }
}

function greeted(terms: SessionTerms): { readonly session: ServerSession; readonly greeting: string } {
  const session = new ServerSession(sessionProfile({ ...settings, offers: { limits: true } }), "192.0.2.1");
  assert.equal(session.next().kind, "connect");
  session.adopt(terms);
  session.accept();
  return { session, greeting: session.takeOutput() };
}

describe("what holds for one client only", () => {
  test("its greeting, and the name in it and in other replies", () => {
    const { session, greeting } = greeted({ hostname: "one.test", banner: ["one.test hi", "second line"] });
    assert.equal(greeting, "220-one.test hi\r\n220 second line\r\n");
    assert.match(talk(session, "EHLO a.test\r\n"), /^250-one\.test Hello a\.test /);
    assert.match(talk(session, "QUIT\r\n"), /^221 2\.0\.0 one\.test closing/);
  });

  test("its limits are offered and obeyed", () => {
    const { session } = greeted({ messageSizeLimit: 1_000, recipientsMax: 1, mailMax: 2 });
    const ehlo = talk(session, "EHLO a.test\r\n");
    assert.match(ehlo, /250-SIZE 1000\r\n250-LIMITS MAILMAX=2 RCPTMAX=1\r\n/);
    assert.match(talk(session, "MAIL FROM:<a@b.test> SIZE=1001\r\n"), /^552 /);
    assert.match(talk(session, "MAIL FROM:<a@b.test> SIZE=1000\r\n"), /^250 /);
    assert.match(
      talk(session, "RCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n"),
      /^250 .*\r\n452 4\.5\.3 too many recipients/,
    );
    assert.match(talk(session, "RSET\r\nMAIL FROM:<>\r\n"), /^250 .*\r\n421 4\.7\.0 too many messages/);
  });

  test("who has none of it shares what all have", () => {
    const { session, greeting } = greeted({});
    assert.equal(greeting, "220 mx.test ESMTP Postbus\r\n");
    assert.match(talk(session, "EHLO a.test\r\n"), /250-SIZE 100000\r\n250-LIMITS RCPTMAX=100\r\n/);
  });
});

describe("recipients_max_reject: too many recipients are the end of the message", () => {
  const begin = ["EHLO a.test\r\n", "MAIL FROM:<a@b.test>\r\n", "RCPT TO:<a@b.test>\r\n", "RCPT TO:<c@b.test>\r\n"];
  const rows: readonly [title: string, refuses: boolean, end: string, codes: readonly string[]][] = [
    ["DATA", true, "DATA\r\n", ["552", "554"]],
    ["BDAT", true, "BDAT 3 LAST\r\nabc", ["552", "554"]],
    ["DATA, where it is not set", false, "DATA\r\n", ["452", "354"]],
  ];
  for (const [title, refusesTooManyRecipients, end, codes] of rows) {
    test(title, () => {
      const { output } = converse([...begin, end], {
        settings: { recipientsMax: 1, refusesTooManyRecipients, offers: { chunking: true } },
      });
      const said = output.split("\r\n").filter((line) => /^\d{3} /.test(line));
      assert.deepEqual(
        said.slice(-2).map((line) => line.slice(0, 3)),
        codes,
        output,
      );
    });
  }

  test("nothing is left of it", () => {
    const { output } = converse([...begin, "DATA\r\n", "RCPT TO:<a@b.test>\r\n"], {
      settings: { recipientsMax: 1, refusesTooManyRecipients: true },
    });
    assert.match(output, /554 5\.5\.3 Too many recipients\r\n503 5\.5\.1 sender not yet given\r\n$/);
  });
});

describe("names in HELO", () => {
  const rows: readonly [name: string, characters: string, mayGreetWithJunk: boolean, isTaken: boolean][] = [
    ["a_b.test", "", false, false],
    ["a_b.test", "_", false, true],
    ["a_b+c.test", "_", false, false],
    ["a_b+c.test", "_+", false, true],
    ["[192.0.2.1]", "_", false, true],
    ["a b!c", "", true, true],
    ["", "_", true, true],
    ["", "_", false, false],
    ["x".repeat(255), "_", true, true],
    ["!".repeat(256), "!", true, false],
  ];
  for (const [name, heloCharacters, mayGreetWithJunk, isTaken] of rows) {
    test(`"${name.slice(0, 20)}" with "${heloCharacters}"${mayGreetWithJunk ? " of a host that may have junk" : ""}`, () => {
      const { codes } = converse([`HELO ${name}\r\n`], {
        settings: { heloCharacters },
        standing: { mayGreetWithJunk },
      });
      assert.deepEqual(codes, ["220", isTaken ? "250" : "501"]);
    });
  }
});
