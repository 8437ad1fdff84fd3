import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { runPostbus } from "@postbus/testkit";

const directory = await mkdtemp(join(tmpdir(), "postbus-exim-"));
after(() => rm(directory, { recursive: true }));
const file = join(directory, "exim.conf");
await writeFile(
  file,
  `NAME = mx.test
primary_hostname = NAME
hide redis_servers = secret
message_size_limit = 3K
smtp_receive_timeout = 1h30m
acl_smtp_rcpt = accept
begin routers
r:
  driver = accept
  transport = t
begin transports
t:
  driver = smtp
  hosts = out.test
`,
);
const exim = (...args: string[]) => runPostbus({ command: "exim", args });

describe("-bP", () => {
  const cases = [
    { names: ["primary_hostname"], want: "primary_hostname = mx.test\n" },
    {
      names: ["message_size_limit", "smtp_receive_timeout"],
      want: "message_size_limit = 3K\nsmtp_receive_timeout = 1h30m\n",
    },
    { names: ["prdr_enable", "tls_certificate"], want: "no_prdr_enable\ntls_certificate = \n" },
    { names: ["redis_servers"], want: "redis_servers = <value not displayable>\n" },
    { names: ["router_list", "transport_list"], want: "r\nt\n" },
    { names: ["macro", "NAME"], want: "NAME=mx.test\n" },
  ];
  for (const { names, want } of cases) {
    test(names.join(" "), async () => {
      const { code, output } = await exim("-C", file, "-bP", ...names);
      assert.equal(output, want);
      assert.equal(code, 0);
    });
  }
  test("of one driver", async () => {
    const { output } = await exim("-bP", "transport", "t", "-C", file);
    assert.match(output, /^hosts = out\.test$/m);
    assert.match(output, /^no_body_only$/m);
  });
  test("of something that is not there", async () => {
    const { code, output } = await exim("-C", file, "-bP", "nosuch");
    assert.equal(output, "nosuch is not a known option\n");
    assert.equal(code, 1);
  });
});

describe("the other forms do what the commands do", () => {
  test("-be", async () => {
    const { output } = await exim("-C", file, "-DNAME=other.test", "-be", "$primary_hostname", "${uc:-a}");
    assert.equal(output, "other.test\n-A\n");
  });
  test("-bt", async () => {
    const { output } = await exim(`-C${file}`, "-bt", "a@b.test");
    assert.match(output, /^a@b\.test\n {2}router = r, transport = t$/m);
  });
  test("-bV", async () => {
    const { code, output } = await exim("-d", "-bV", "-C", file);
    assert.match(output, /^Postbus .*\n(?:notice: .*\n)*policy \w+ is in order\n$/);
    assert.equal(code, 0);
  });
  test("-bh takes one address", async () => assert.equal((await exim("-C", file, "-bh")).code, 64));
  test("commands of the queue", async () => {
    for (const [flag, name] of [
      ["-Mf", "freeze"],
      ["-Mg", "bounce"],
    ] as const) {
      const { code, errors } = await exim(flag);
      assert.equal(code, 64);
      assert.match(errors, new RegExp(`queue ${name}: which one`));
    }
  });
  test("what is not offered says what is", async () => {
    const { code, errors } = await exim("-bi");
    assert.equal(code, 64);
    assert.match(errors, /-bi: is not offered; there are -be, -bh/);
  });
});
