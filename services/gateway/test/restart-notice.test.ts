import assert from "node:assert/strict";
import { test } from "node:test";
import { restartNotice } from "../src/restart-notice.ts";

const open = { interfaces: ["127.0.0.1", "::1"], ports: [25, 587] };

const rows = [
  { name: "nothing has changed", wanted: { interfaces: ["127.0.0.1", "::1"], ports: [25, 587] }, tells: undefined },
  { name: "another port", wanted: { ...open, ports: [25] }, tells: /^daemon_smtp_ports: a change needs a restart/ },
  { name: "another address", wanted: { ...open, interfaces: ["::1"] }, tells: /^local_interfaces: a change needs/ },
  { name: "both", wanted: { interfaces: ["::1"], ports: [26] }, tells: /^local_interfaces, daemon_smtp_ports: / },
];

for (const { name, wanted, tells } of rows) {
  test(`listeners and a policy that is read again: ${name}`, () => {
    const notice = restartNotice(open, wanted);
    if (tells === undefined) assert.equal(notice, undefined);
    else assert.match(notice ?? "", tells);
  });
}
