import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerFields } from "@postbus/mail";
import { withoutUnwanted } from "../../src/trace/unwanted-fields.ts";

const unwanted = { names: new Set(["return-path"]), authservIds: ["mx.test", "other-name.test"] };

const rows = [
  { name: "ours", field: "Authentication-Results: mx.test; spf=pass", isRemoved: true },
  { name: "ours in other letters", field: "AUTHENTICATION-RESULTS : MX.Test; spf=pass", isRemoved: true },
  { name: "ours, folded", field: "Authentication-Results:\r\n\tmx.test 1;\r\n\tspf=pass", isRemoved: true },
  { name: "ours behind comments", field: "Authentication-Results: (a (b) \\) c) mx.test; none", isRemoved: true },
  { name: "ours before a comment", field: "Authentication-Results: mx.test(x); none", isRemoved: true },
  { name: "ours alone", field: "Authentication-Results: mx.test", isRemoved: true },
  { name: "ours in quotes", field: 'Authentication-Results: "mx.test"; none', isRemoved: true },
  { name: "ours in something malformed", field: "Authentication-Results: ;;mx.test; none", isRemoved: true },
  { name: "another name of ours", field: "Authentication-Results: other-name.test; none", isRemoved: true },
  { name: "somebody else's", field: "Authentication-Results: other.test; spf=pass", isRemoved: false },
  { name: "somebody else's who names us", field: "Authentication-Results: other.test; x=mx.test", isRemoved: false },
  { name: "a name that ends like ours", field: "Authentication-Results: not-mx.test; none", isRemoved: false },
  { name: "a field that is not to go on", field: "RETURN-path: <x@y>\r\n (folded)", isRemoved: true },
  { name: "another field", field: "X-Authentication-Results: mx.test; none", isRemoved: false },
];

describe("withoutUnwanted", () => {
  for (const { name, field, isRemoved } of rows) {
    test(`${name}: ${isRemoved ? "removed" : "kept"}`, () => {
      const header = Buffer.from(`From: a@b\r\n${field}\r\nSubject: x\r\n\r\n`, "latin1");
      const kept = withoutUnwanted(header, headerFields(header), unwanted).toString("latin1");
      assert.equal(kept, isRemoved ? "From: a@b\r\nSubject: x\r\n\r\n" : header.toString("latin1"));
    });
  }

  test("a section without such a field is not copied", () => {
    const header = Buffer.from("From: a@b\r\n\r\n", "latin1");
    assert.equal(withoutUnwanted(header, headerFields(header), unwanted), header);
  });
});
