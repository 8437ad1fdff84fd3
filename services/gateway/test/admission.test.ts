import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Admission } from "../src/admission.ts";
import { clientAddress } from "../src/client-address.ts";

describe("Admission", () => {
  test("limits connections, and those of one host", () => {
    const admission = new Admission(3, 2);
    assert.equal(admission.enter("192.0.2.1"), undefined);
    assert.equal(admission.enter("192.0.2.1"), undefined);
    assert.match(admission.enter("192.0.2.1") ?? "", /from this IP address/);
    assert.equal(admission.enter("192.0.2.2"), undefined);
    assert.match(admission.enter("192.0.2.3") ?? "", /Too many concurrent SMTP connections;/);
    admission.leave("192.0.2.1");
    assert.equal(admission.enter("192.0.2.3"), undefined);
    assert.equal(admission.connections, 3);
  });

  test("of whom it is not known yet who they are, all are counted, and of a host those who have said so", () => {
    const admission = new Admission(3, 1);
    for (let i = 0; i < 3; i++) assert.equal(admission.enter(undefined), undefined);
    assert.match(admission.enter(undefined) ?? "", /Too many concurrent SMTP connections;/);
    assert.equal(admission.identify("192.0.2.1"), undefined);
    assert.match(admission.identify("192.0.2.1") ?? "", /from this IP address/);
    admission.leave(undefined);
    assert.match(admission.enter("192.0.2.1") ?? "", /from this IP address/);
    assert.equal(admission.connections, 2, "whoever is refused is not counted");
    admission.leave("192.0.2.1");
    assert.equal(admission.enter("192.0.2.1"), undefined);
  });

  test("0 is no limit", () => {
    const admission = new Admission(0, 0);
    for (let i = 0; i < 10_000; i++) assert.equal(admission.enter("192.0.2.1"), undefined);
  });
});

test("an IPv4 client of an IPv6 listener is an IPv4 client", () => {
  assert.equal(clientAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(clientAddress("2001:db8::1"), "2001:db8::1");
  assert.equal(clientAddress("fe80::1%eth0"), "fe80::1");
});
