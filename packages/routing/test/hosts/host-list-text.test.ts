import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostList } from "../../src/hosts/host-list-text.ts";

/** Exim's manual, "Format of one host item" and "How the list of hosts is used". */
const cases: readonly [text: string, hosts: readonly string[]][] = [
  ["a.example", ["a.example"]],
  ["a.example : b.example::26", ["a.example", "b.example 26"]],
  ["a : + : b : c : + : d", ["a", "b +1", "c +1", "d +2"]],
  ["a.example/MX : b.example/mx::587", ["a.example MX", "b.example MX 587"]],
  ["192.0.2.1::25", ["192.0.2.1 25"]],
  ["<; 2001:db8::1 ; [2001:db8::2]:26 ; [192.0.2.1]:27", ["2001:db8::1", "2001:db8::2 26", "192.0.2.1 27"]],
  ["[2001::db8::::1]::26", ["2001:db8::1 26"]],
  ["a::smtp", ["a:smtp"]],
  ["", []],
];

for (const [text, hosts] of cases) {
  test(JSON.stringify(text), () => {
    const shown = parseHostList(text).map(({ name, port, isMx, group }) =>
      [name, isMx ? "MX" : "", port ?? "", group === 0 ? "" : `+${group}`].filter((part) => part !== "").join(" "),
    );
    assert.deepEqual(shown, hosts);
  });
}
