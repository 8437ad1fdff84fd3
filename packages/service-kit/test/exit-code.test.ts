import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, DeferError } from "@postbus/mail";
import { startFailure } from "../src/exit-code.ts";

const system = <F extends object>(code: string, fields: F) =>
  Object.assign(new Error(`${code}: whatever`), { code }, fields);

const cases: readonly { name: string; err: unknown; exitCode: number; lines: readonly string[] }[] = [
  {
    name: "wrong settings: every problem is a line, and a restart does not help",
    err: new ConfigError("A: unknown\nB: must be integer"),
    exitCode: 78,
    lines: ["A: unknown", "B: must be integer"],
  },
  {
    name: "the bus is away or in use: worth another try",
    err: new DeferError("bus", "no answer\n from nats"),
    exitCode: 75,
    lines: ["bus: no answer from nats"],
  },
  {
    name: "a port in use",
    err: system("EADDRINUSE", { address: "::1", port: 2525, syscall: "listen" }),
    exitCode: 75,
    lines: ["[::1]:2525: address already in use"],
  },
  {
    name: "a read-only directory",
    err: system("EROFS", { path: "/srv/data", syscall: "open" }),
    exitCode: 78,
    lines: ["/srv/data: the file system is read-only"],
  },
  {
    name: "a full disk",
    err: system("ENOSPC", { syscall: "write" }),
    exitCode: 75,
    lines: ["write: no space left on the device"],
  },
  { name: "a bug", err: new TypeError("x is undefined"), exitCode: 70, lines: ["x is undefined"] },
  { name: "something thrown that is no error", err: "oops", exitCode: 70, lines: ["oops"] },
];

test("a port in use, and the setting that named it", () => {
  const err = system("EADDRINUSE", { address: "127.0.0.1", port: 25, syscall: "listen" });
  assert.deepEqual(startFailure(err, "daemon_smtp_ports").lines, [
    "127.0.0.1:25 (daemon_smtp_ports): address already in use",
  ]);
});

test("a directory that cannot be made: the parent that does not let us is named", () => {
  const err = system("EACCES", { path: join(tmpdir(), "no-such-postbus", "data"), syscall: "mkdir" });
  assert.deepEqual(startFailure(err).lines, [`${err.path}: permission denied in ${tmpdir()}`]);
});

for (const { name, err, exitCode, lines } of cases) {
  test(`${name} → ${exitCode}`, () => {
    const failure = startFailure(err);
    assert.equal(failure.exitCode, exitCode);
    assert.deepEqual(failure.lines, lines);
    assert.equal(failure.isBug, exitCode === 70);
  });
}
