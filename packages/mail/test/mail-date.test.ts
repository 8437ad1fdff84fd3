import assert from "node:assert/strict";
import { test } from "node:test";
import { mailDate } from "../src/mail-date.ts";

test("dates are RFC 5322's", () => assert.equal(mailDate(0), "Thu, 01 Jan 1970 00:00:00 +0000"));
