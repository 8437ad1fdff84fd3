import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { messageArguments, recipientArguments } from "../../src/client/notification-arguments.ts";
import type { RecipientNotification } from "../../src/notification.ts";

describe("parameters of DSN for the next hop (RFC 3461 section 5.2.1)", () => {
  test("MAIL", () => {
    assert.equal(messageArguments({}), "");
    assert.equal(messageArguments({ envid: "QQ+2B314", ret: "HDRS" }), " RET=HDRS ENVID=QQ+2B314");
  });

  const rows: readonly [asked: RecipientNotification, address: string, want: string][] = [
    [
      { notify: ["SUCCESS", "DELAY"], originalRecipient: "rfc822;u@d.ex" },
      "v@d.ex",
      " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;u@d.ex",
    ],
    [{ originalRecipient: "rfc822;u@d.ex" }, "v@d.ex", " ORCPT=rfc822;u@d.ex"],
    [{ notify: ["NEVER"] }, "u+x@d.ex", " NOTIFY=NEVER ORCPT=rfc822;u+2Bx@d.ex"],
    [{ notify: ["NEVER"] }, '"a b=c"@d.ex', ' NOTIFY=NEVER ORCPT=rfc822;"a+20b+3Dc"@d.ex'],
    [{}, "u@d.ex", ""],
  ];
  for (const [asked, address, want] of rows) {
    test(`RCPT <${address}>${want}`, () => assert.equal(recipientArguments(asked, address), want));
  }
});
