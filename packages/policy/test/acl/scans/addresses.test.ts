import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readAvScanner } from "../../../src/acl/scans/av-scanner.ts";
import { readEngineAddress } from "../../../src/acl/scans/engine-addresses.ts";
import { readSpamdAddress } from "../../../src/acl/scans/spamd-address.ts";

const at = (port: number, host = "127.0.0.1") => ({ host, port });

describe("addresses of engines", () => {
  const rows: readonly [text: string, is: object | undefined][] = [
    ["/usr/local/dcc/var/dccifd", { server: { path: "/usr/local/dcc/var/dccifd" }, options: [] }],
    ["127.0.0.1 6276", { server: at(6276), options: [] }],
    ["scan.example \t 25  retry=5s", { server: at(25, "scan.example"), options: ["retry=5s"] }],
    ["2001:db8::1 25", { server: at(25, "2001:db8::1"), options: [] }],
    ["[2001:db8::1] 25", { server: at(25, "2001:db8::1"), options: [] }],
    ["127.0.0.1", undefined],
    ["127.0.0.1 0", undefined],
    ["127.0.0.1 65536", undefined],
    ["127.0.0.1 smtp", undefined],
    ["", undefined],
  ];
  for (const [text, is] of rows) test(JSON.stringify(text), () => assert.deepEqual(readEngineAddress(text), is));
});

// The texts are those of Exim 4.98.
describe("av_scanner", () => {
  const servers = (...list: object[]) => ({ engine: "malware", scanner: "clamd", servers: list });
  const rows: readonly [text: string, is: object | string][] = [
    ["clamd:/run/clamd.ctl", servers({ server: { path: "/run/clamd.ctl" }, retryMs: 0 })],
    ["clamd", servers({ server: { path: "/tmp/clamd" }, retryMs: 0 })],
    ["clamd:192.0.2.3 1234:local", servers({ server: at(1234, "192.0.2.3"), retryMs: 0 })],
    [
      "ClamD:192.0.2.3 1234 retry=10s : 192.0.2.4 1234",
      servers({ server: at(1234, "192.0.2.3"), retryMs: 10_000 }, { server: at(1234, "192.0.2.4"), retryMs: 0 }),
    ],
    ["<; clamd ; 2001:db8::1 1234", servers({ server: at(1234, "2001:db8::1"), retryMs: 0 })],
    ["clamd:127.0.0.1", "clamd: missing port: '127.0.0.1'"],
    ["clamd:127.0.0.1 5805 foo=1", "clamd: bad option '127.0.0.1 5805 foo=1'"],
    ["clamd:127.0.0.1 5805 retry=x", "clamd: bad option '127.0.0.1 5805 retry=x'"],
    ["clamd:local", "clamd: no useable server addresses in malware configuration option."],
    ["sophie:/var/run/sophie", "scanner type 'sophie' is not available: clamd is"],
    ["cmdline:/usr/bin/x:a:b", "scanner type 'cmdline' is not available: clamd is"],
    ["nosuch:x", "unknown scanner type 'nosuch'"],
    ["", "av_scanner configuration variable is empty"],
  ];
  for (const [text, is] of rows) test(JSON.stringify(text), () => assert.deepEqual(readAvScanner(text), is));
});

describe("spamd_address", () => {
  const noon = new Date(2026, 10, 5, 12, 0, 0).getTime();
  const usual = { protocol: "spamd", priority: 1, weight: 1, retryMs: 0, timeoutMs: 120_000 };
  const rows: readonly [text: string, servers: object[], warnings?: string[]][] = [
    ["127.0.0.1 783", [{ server: at(783), ...usual }]],
    ["/run/spamd", [{ server: { path: "/run/spamd" }, ...usual }]],
    [
      "127.0.0.1 783 pri=2 weight=3 retry=1s tmo=10s : 127.0.0.1 11333 variant=rspamd",
      [
        { server: at(783), ...usual, priority: 2, weight: 3, retryMs: 1_000, timeoutMs: 10_000 },
        { server: at(11333), ...usual, protocol: "rspamd" },
      ],
    ],
    ["127.0.0.1 783 time=8.30-18.00.00", [{ server: at(783), ...usual }]],
    ["127.0.0.1 783 time=13-18", []],
    ["127.0.0.1 783 weight=0", []],
    ["127.0.0.1", [], ["warning - invalid spamd address: '127.0.0.1'"]],
    [
      "127.0.0.1 783 foo=1 pri=x tmo=0s variant=other time=x",
      [{ server: at(783), ...usual }],
      [
        "warning - invalid spamd parameter: 'foo=1'",
        "warning - invalid spamd priority: 'pri=x'",
        "warning - invalid spamd timeout: 'tmo=0s'",
        "warning - invalid spamd variant: 'variant=other'",
        "warning - invalid spamd time value: 'time=x'",
      ],
    ],
    ["", []],
  ];
  for (const [text, servers, warnings = []] of rows) {
    test(JSON.stringify(text), () => assert.deepEqual(readSpamdAddress(text, noon), { servers, warnings }));
  }
});
