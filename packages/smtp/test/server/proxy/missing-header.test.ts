import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converse } from "../conversation.ts";

const REFUSED = "503 Command refused, required Proxy negotiation failed\r\n";
const said = (chunks: readonly string[]) => converse(chunks, { lacksProxyHeader: true });

describe("a session without its PROXY header", () => {
  test("is greeted, and every command but QUIT is refused", () => {
    const commands = [
      "EHLO c",
      "HELO c",
      "MAIL FROM:<>",
      "RCPT TO:<a@b>",
      "DATA",
      "STARTTLS",
      "RSET",
      "FOO",
      "NOOP",
      "BDAT 5",
    ];
    const { output, steps, isClosed } = said([...commands.map((command) => `${command}\r\n`), "QUIT\r\n"]);
    const refusals = REFUSED.repeat(commands.length);
    assert.equal(output, `220 mx.test ESMTP Postbus\r\n${refusals}221 2.0.0 mx.test closing connection\r\n`);
    assert.ok(isClosed);
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["connect", "close"],
      "nothing else is asked",
    );
  });

  test("ends at the eleventh command, which is logged", () => {
    const { codes, steps, isClosed } = said(["NOOP\r\n".repeat(20)]);
    assert.deepEqual(codes, ["220", ...Array(10).fill("503"), "421"]);
    assert.ok(isClosed);
    assert.equal(steps.filter(({ kind }) => kind === "refused").length, 1);
  });

  test("may be short: QUIT is no error", () => {
    assert.deepEqual(said(["QUIT\r\n"]).codes, ["220", "221"]);
  });
});
