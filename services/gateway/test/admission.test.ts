import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Admission } from "../src/admission.ts";
import { clientAddress } from "../src/client-address.ts";

describe("Admission", () => {
  const entered = (admission: Admission, address: string, maxPerHost = 0): string | undefined => {
    const why = admission.enter();
    if (why !== undefined) return why.reason;
    const of = admission.identify(address, maxPerHost);
    if (of !== undefined) admission.leave(undefined);
    return of?.reason;
  };

  test("limits connections, and those of one host", () => {
    const admission = new Admission({ acceptMax: 3, acceptReserve: 0 });
    assert.equal(entered(admission, "192.0.2.1", 2), undefined);
    assert.equal(entered(admission, "192.0.2.1", 2), undefined);
    assert.equal(entered(admission, "192.0.2.1", 2), "per_host");
    assert.equal(entered(admission, "192.0.2.2", 2), undefined);
    assert.equal(entered(admission, "192.0.2.3", 2), "max");
    admission.leave("192.0.2.1");
    assert.equal(entered(admission, "192.0.2.3", 2), undefined);
    assert.equal(admission.connections, 3);
  });

  test("of whom it is not known yet who they are, all are counted, and of a host those who have said so", () => {
    const admission = new Admission({ acceptMax: 3, acceptReserve: 0 });
    for (let i = 0; i < 3; i++) assert.equal(admission.enter(), undefined);
    assert.equal(admission.enter()?.reason, "max");
    assert.equal(admission.identify("192.0.2.1", 1), undefined);
    assert.equal(admission.identify("192.0.2.1", 1)?.reason, "per_host");
    admission.leave(undefined);
    assert.equal(entered(admission, "192.0.2.1", 1), "per_host");
    assert.equal(admission.connections, 2, "whoever is refused is not counted");
    admission.leave("192.0.2.1");
    assert.equal(entered(admission, "192.0.2.1", 1), undefined);
  });

  test("the last places are a reserve", () => {
    const admission = new Admission({ acceptMax: 3, acceptReserve: 2 });
    const isReserve = [1, 2, 3].map(() => admission.enter() ?? admission.isReserve);
    assert.deepEqual(isReserve, [false, true, true]);
    admission.leave(undefined);
    admission.leave(undefined);
    assert.equal(admission.isReserve, false);
  });

  test("0 is no limit", () => {
    const admission = new Admission({ acceptMax: 0, acceptReserve: 5 });
    for (let i = 0; i < 10_000; i++) assert.equal(entered(admission, "192.0.2.1"), undefined);
    assert.equal(admission.isReserve, false);
  });
});

test("an IPv4 client of an IPv6 listener is an IPv4 client", () => {
  assert.equal(clientAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(clientAddress("2001:db8::1"), "2001:db8::1");
  assert.equal(clientAddress("fe80::1%eth0"), "fe80::1");
});
